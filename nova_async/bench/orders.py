"""States against orders: what a search visits that tells states apart, beside what one has to run that does not.

Orders are counted by plain depth-first search, or by a formula where that would take too long. Of whole clients they
can only be estimated: the mean, over random walks, of the product of the numbers of choices at each step is an unbiased
estimate (Knuth, "Estimating the Efficiency of Backtrack Programs", Mathematics of Computation 29, 1975). It stands
beside the exact numbers too, so that one sees how good it is.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import comb, prod
from statistics import mean

from nova_async.bench.creators import vgpu_creators
from nova_async.bench.figure import Goal, Samples
from nova_async.bench.turns import Turn, Values, seconds_of
from nova_async.explore import Execution, Result, explore
from nova_async.explore.programs import Program, philosophers, readers, sections
from nova_async.findings import Finding
from nova_async.operation import Kind
from nova_async.scenario.exploring import Plan, Play

STATES, ORDERS, ESTIMATED, SECONDS = "states", "orders", "orders, estimated", "s until complete"
SECTIONS = (2, 5, 10, 20, 50)
PHILOSOPHERS = (3, 4)
READERS = (3,)
CREATORS = (1, 4)
"""Pages of each of two."""
WALKS = 200
MAX_SECONDS = 60.0
"""What is not complete by then has no states."""
GOAL = 1e6
PREFIX = "all orders: "

NOTES = (
    "all orders: states of exhaustive, beside the orders of the same points, by depth-first search or by formula.",
    f"orders, estimated: mean over {WALKS} random walks of the product of the choices at each step (Knuth 1975).",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """One program of one size.

    Attributes:
        name: of the program.
        size: of it.
        search: every state of it.
        orders: how many it has; None if nobody can say.
        program: for random walks.
        passes: operations of it that are no points.
    """

    name: str
    size: int
    search: Callable[[], Result]
    orders: Callable[[], int] | None
    program: Program
    passes: Collection[Kind] = ()


def turns() -> Iterator[Turn]:
    """Every program once: but for the time it comes out the same."""
    for one in (*_programs(), *map(_creators, CREATORS)):
        yield Turn(turn_name(one.name), one.size, partial(measure, one))


def turn_name(program: str) -> str:
    """What a figure is called."""
    return f"{PREFIX}{program}"


def measure(one: Counted) -> Values:
    """States, orders, and seconds of processor time."""
    results: list[Result] = []
    seconds = seconds_of(lambda: results.append(one.search()))
    values: dict[str, float] = {STATES: results[0].states, SECONDS: seconds} if results[0].complete else {}
    if one.orders is not None:
        values[ORDERS] = one.orders()
    return values | {ESTIMATED: estimate(one.program, one.passes)}


def count(program: Program) -> int:
    """All orders, by running them."""
    return explore(program, strategy="dfs").executions


def estimate(program: Program, passes: Collection[Kind] = ()) -> float:
    """About how many there are."""
    weights: list[int] = []

    def weigh(execution: Execution) -> Iterable[Finding]:
        choices = (*map(len, execution.runnable), *(values for _, values, _ in execution.picks))
        weights.append(prod(choices))
        return ()

    explore(program, strategy="random", max_executions=WALKS, passes=passes, judge=weigh)
    return mean(map(float, weights))


def _programs() -> Iterator[Counted]:
    for size in SECTIONS:
        yield _counted("2 tasks of sections", size, sections(2, size), partial(comb, 2 * size, size))
    for name, make, sizes in (("philosophers", philosophers, PHILOSOPHERS), ("readers", readers, READERS)):
        for size in sizes:
            program = make(size)
            yield _counted(name, size, program, partial(count, program))


def _counted(name: str, size: int, program: Program, orders: Callable[[], int]) -> Counted:
    return Counted(name, size, partial(explore, program, max_seconds=MAX_SECONDS), orders, program)


def _creators(pages: int) -> Counted:
    """With everything that a scenario has: the points are those of the exhaustive search."""
    plan = Plan(max_seconds=MAX_SECONDS)
    play = Play(vgpu_creators, {"creators": 2, "pages": pages}, plan)

    def search() -> Result:
        return explore(
            play, strategy=plan.chooser(), max_seconds=plan.max_seconds, passes=plan.passes, judge=play.judge
        )

    return Counted("2 creators", pages, search, None, play, plan.passes)


def goals(samples: Samples) -> Iterator[Goal]:
    """A search of whole clients that told no states apart would never end."""
    name = turn_name("2 creators")
    states, orders = (samples.median(name, CREATORS[0], unit) for unit in (STATES, ESTIMATED))
    if states and orders:
        yield Goal("2 creators: orders, estimated, over states", orders / states, GOAL, at_least=True)
