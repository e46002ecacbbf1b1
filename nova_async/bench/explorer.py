"""What the explorer reaches: cost of a step and of a start, executions a second, states and orders, and the optimum.

Every part is measured in turns with what it is compared with. Programs and published counts are those of peers.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain

from nova_async.bench import Settings, first_bug, orders, peer_process, peers, steps
from nova_async.bench.figure import Figure, Goal, Report, Samples
from nova_async.bench.floor import BareProgram, bare_counter, bare_philosophers, walk_many
from nova_async.bench.mutexes import in_anyio_group, mutex_counter
from nova_async.bench.peer_process import Measured
from nova_async.bench.published import PUBLISHED, Published
from nova_async.bench.turns import Turn, Values, in_turns, seconds_of
from nova_async.errors import InternalError
from nova_async.explore import Result, explore
from nova_async.explore.programs import (
    Program,
    counter,
    filesystem,
    indexer,
    lastzero,
    philosophers,
    readers,
)
from nova_async.explore.strategies import Optimal
from nova_async.lockdep import NullValidator, Tasks, Validator
from nova_async.lockdep.aio import AsyncioTasks

RATE = "executions/s"
EXECUTIONS, OF_OPTIMUM, BLOCKED, SECONDS = "executions", "of the optimum", "blocked", "s"
ENOUGH = 400
"""Executions of one round; those of a reducing strategy go on from the beginning when all orders are done."""

PROGRAMS: Mapping[str, tuple[int, Program]] = {
    "mutex counter 2x2": (2, counter(2, 2)),
    "mutex counter 3x2": (3, counter(3, 2)),
    "philosophers(3)": (3, philosophers(3)),
    "philosophers(4)": (4, philosophers(4)),
    "filesystem(14)": (14, filesystem(14)),
    "indexer(12)": (12, indexer(12)),
    "readers(8)": (8, readers(8)),
    "lastzero(5)": (5, lastzero(5)),
}
"""By name: the number of tasks, and the program."""

BARE: Mapping[str, BareProgram] = {
    "mutex counter 2x2": bare_counter(2, 2),
    "mutex counter 3x2": bare_counter(3, 2),
    "philosophers(3)": bare_philosophers(3),
    "philosophers(4)": bare_philosophers(4),
}

SAMPLED = ("random", "pct")
COUNTER = "mutex counter 3x2"
ON_MUTEX = f"random: {COUNTER} on kernel.Mutex, checker"
CHECKED, KEPT, GROUPED, UNCHECKED = (f"{ON_MUTEX} {how}" for how in ("on", "kept", "on, anyio's task group", "off"))
RATE_GOAL = 5_000
PEER_GOAL = 10.0

NOTES = (
    "Times are of processor time. A step is an acquire or a point; a start is an execution of tasks that end at once.",
    "bare: coroutines driven by send in a random order, with the locks, enabled tasks and trace of an explorer.",
    "x compares steps and starts with bare, executions/s with bare, where there is one, and else with random.",
    "of the optimum: executions of optimal DPOR over the published number of orders that differ (peers.md section 2).",
    "checker on: a validator for each execution; kept: one for all, so that its order graph grows from all of them.",
)


def run(settings: Settings) -> Report:
    """Measure everything, for about the time there is."""
    samples = Samples()
    share = settings.max_seconds / 10
    in_turns(samples, [*steps.turns()], settings.step, seconds=2 * share)
    with peer_process.started(wanted=settings.peers) as foreign:
        in_turns(samples, [*_rates(), *_checked(), *_foreign_rates(foreign)], settings.step, seconds=2 * share)
        first_bug.measure(samples, foreign, settings.step, seconds=2 * share)
    in_turns(samples, [*orders.turns()], settings.step, seconds=0, rounds=1)
    in_turns(samples, [*map(_published, PUBLISHED)], settings.step, seconds=4 * share, rounds=3)
    compared = (steps.STEP, steps.START, RATE, first_bug.MILLISECONDS)
    figures = tuple(samples.figures(_comparisons(), compared))
    notes = (*NOTES, *orders.NOTES, *_missing_peers(settings))
    return Report("explorer", figures, tuple(_goals(samples, figures)), notes)


def _missing_peers(settings: Settings) -> Iterator[str]:
    if settings.peers:
        yield from (f"Left out: {name} is not installed; pip install 'nova-async[peers]'." for name in peers.missing())


def _rates() -> Iterator[Turn]:
    for name, (size, program) in PROGRAMS.items():
        for strategy in (*SAMPLED, "dpor"):
            yield Turn(f"{strategy}: {name}", size, partial(rate, program, strategy))
        if name in BARE:
            yield Turn(f"bare: {name}", size, partial(_bare_rate, BARE[name]))


def _checked() -> Iterator[Turn]:
    kept = Validator(AsyncioTasks())

    def keep(_tasks: Tasks) -> Validator:
        return kept

    for name, program in (
        (CHECKED, mutex_counter(3, 2)),
        (KEPT, mutex_counter(3, 2, keep)),
        (GROUPED, mutex_counter(3, 2, group=in_anyio_group)),
        (UNCHECKED, mutex_counter(3, 2, NullValidator)),
    ):
        yield Turn(name, 3, partial(rate, program, "random"))


def rate(program: Program, strategy: str) -> Values:
    """Executions a second."""
    done = 0

    def work() -> None:
        nonlocal done
        while done < ENOUGH:
            done += explore(program, strategy=strategy, max_executions=ENOUGH - done).executions

    seconds = seconds_of(work)
    return {RATE: done / seconds}


def _bare_rate(program: BareProgram) -> Values:
    return {RATE: ENOUGH / seconds_of(lambda: walk_many(program, ENOUGH))}


def _foreign_rates(foreign: Iterable[Measured]) -> Iterator[Turn]:
    for peer in foreign:
        for name, (tasks, rounds) in {"mutex counter 2x2": (2, 2), COUNTER: (3, 2)}.items():
            yield Turn(f"{peer.name}: {name}", tasks, partial(_foreign_rate, peer, tasks, rounds))


def _foreign_rate(peer: Measured, tasks: int, rounds: int) -> Values:
    executions, seconds = peer.count(tasks, rounds)
    return {} if executions is None else {RATE: executions / seconds}


def _published(one: Published) -> Turn:
    return Turn(f"{one.name}: optimal DPOR", one.size, partial(explore_all, one.program, one.optimum))


def explore_all(program: Program, optimum: int) -> Values:
    """Every order, by optimal DPOR.

    Raises:
        InternalError: it was not complete; then its count says nothing.
    """
    strategy = Optimal()
    results: list[Result] = []
    seconds = seconds_of(lambda: results.append(explore(program, strategy=strategy)))
    (result,) = results
    if not result.complete:
        raise InternalError(f"bench explorer: {'; '.join(result.incomplete_because)}")
    return {
        EXECUTIONS: result.executions,
        OF_OPTIMUM: result.executions / optimum,
        BLOCKED: strategy.blocked,
        SECONDS: seconds,
    }


def _comparisons() -> dict[str, str]:
    pairs = {**steps.COMPARISONS, **first_bug.COMPARISONS}
    for name in PROGRAMS:
        other = "bare" if name in BARE else "random"
        pairs |= {
            f"{strategy}: {name}": f"{other}: {name}" for strategy in ("random", "pct", "dpor") if strategy != other
        }
        pairs |= {f"{peer}: {name}": f"random: {name}" for peer in peers.NAMES}
    pairs |= dict.fromkeys((CHECKED, KEPT, GROUPED), UNCHECKED)
    return pairs


def _goals(samples: Samples, figures: tuple[Figure, ...]) -> Iterator[Goal]:
    return chain(
        steps.goals(samples),
        _rate_goals(samples),
        first_bug.goals(samples),
        orders.goals(samples),
        _optimum_goals(samples, figures),
    )


def _rate_goals(samples: Samples) -> Iterator[Goal]:
    for name in (CHECKED, KEPT):
        value = samples.median(name, 3, RATE)
        if value is not None:
            yield Goal(f"{name}: {RATE}", value, RATE_GOAL, samples.spread(name, 3, RATE), at_least=True)
    best = max(peers.NAMES, key=lambda peer: samples.median(f"{peer}: {COUNTER}", 3, RATE) or 0.0)
    ratio = samples.ratio(CHECKED, f"{best}: {COUNTER}", 3, RATE)
    if ratio is not None:
        yield ratio.goal(f"{CHECKED} over {best}, the best peer, without a checker", PEER_GOAL, at_least=True)


def _optimum_goals(samples: Samples, figures: tuple[Figure, ...]) -> Iterator[Goal]:
    for unit, limit in ((OF_OPTIMUM, 1.0), (BLOCKED, 0.0)):
        worst = max(figure.median for figure in figures if figure.unit == unit)
        yield Goal(f"optimal DPOR: executions, {unit}, the worst of all programs", worst, limit)
    for one in PUBLISHED:
        name = f"{one.name}: optimal DPOR"
        seconds = samples.median(name, one.size, SECONDS)
        if one.concuerror_seconds is not None and seconds is not None:
            what = f"{one.name}({one.size}): seconds, beside {one.concuerror_seconds} of Concuerror"
            yield Goal(what, seconds, one.concuerror_seconds, samples.spread(name, one.size, SECONDS))
