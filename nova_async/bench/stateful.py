"""Exhaustive search of tasks that go through critical sections on real mutexes, with the checker on.

The number of orders grows beyond all bounds, that of states as the sections of one task to the power of the tasks: two
tasks of 50 sections have 1e29 orders and 2,601 states.
"""

import tracemalloc
from collections.abc import Iterator
from functools import partial
from math import factorial

from nova_async.bench import Settings, creators
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.mutexes import mutex_counter
from nova_async.bench.turns import Turn, Values, in_turns, seconds_of
from nova_async.errors import InternalError
from nova_async.explore import Result, explore

STATES, EXECUTIONS, STEPS = "states", "executions", "steps"
SECONDS, RATE, ORDERS, MEMORY = "s", "states/s", "orders", "bytes/state"

SECTIONS = {2: (5, 10, 20, 30, 40, 50), 3: (5, 10, 15, 20)}
"""Sections of each task, by the number of tasks."""
BY_ORDER = {2: (2, 3, 4, 5), 3: (1, 2)}
"""What can be done without telling states apart."""
WEIGHED = {2: (10, 30), 3: (10,)}
"""Where memory is measured; that takes several times as long."""
SECONDS_GOALS = {(2, 50): 10.0, (3, 20): 60.0}

NOTES = (
    "size is the number of sections of each task. Each takes kernel.Mutex and raises the number that it guards.",
    "The validator judges every acquisition of every execution. Seconds are of processor time.",
    "creators: whole clients; size is the pages of each one's partition.",
    "orders: how many a search has to run that does not tell states apart; dpor and dfs show it on the smallest.",
)


def run(settings: Settings) -> Report:
    """Every size in turns, then the memory, which is traced and so not timed."""
    samples = Samples()
    share = settings.max_seconds / 2
    in_turns(samples, [*_searches(), *_by_order()], settings.step, seconds=share, rounds=3)
    in_turns(samples, [*creators.turns()], settings.step, seconds=share, rounds=3)
    in_turns(samples, [*_weighings()], settings.step, seconds=0, rounds=1)
    return Report("stateful", tuple(samples.figures({}, ())), tuple(_goals(samples)), NOTES)


def name_of(tasks: int, strategy: str = "exhaustive") -> str:
    """What a figure is called."""
    return f"{tasks} tasks: {strategy}"


def _searches() -> Iterator[Turn]:
    for tasks, sizes in SECTIONS.items():
        for sections in sizes:
            yield Turn(name_of(tasks), sections, partial(search, tasks, sections))


def _by_order() -> Iterator[Turn]:
    for tasks, sizes in BY_ORDER.items():
        for sections in sizes:
            for strategy in ("dpor", "dfs"):
                yield Turn(name_of(tasks, strategy), sections, partial(search, tasks, sections, strategy))


def _weighings() -> Iterator[Turn]:
    for tasks, sizes in WEIGHED.items():
        for sections in sizes:
            yield Turn(name_of(tasks), sections, partial(weigh, tasks, sections))


def orders(tasks: int, sections: int) -> int:
    """In how many orders the sections can be entered."""
    return int(factorial(tasks * sections) // factorial(sections) ** tasks)


def search(tasks: int, sections: int, strategy: str = "exhaustive") -> Values:
    """Everything there is to see.

    Raises:
        InternalError: the search found something, or could not cover all; then it was not the same work.
    """
    results: list[Result] = []
    seconds = seconds_of(lambda: results.append(explore(mutex_counter(tasks, sections), strategy=strategy)))
    (result,) = results
    if not (result.complete and result.ok):
        raise InternalError(f"bench stateful: {result.incomplete_because or result.failures[0].message}")
    values: dict[str, float] = {EXECUTIONS: result.executions, STEPS: result.steps, SECONDS: seconds}
    if result.states:
        values |= {STATES: result.states, RATE: result.states / seconds, ORDERS: orders(tasks, sections)}
    return values


def weigh(tasks: int, sections: int) -> Values:
    """What a search holds at its peak, for each state."""
    tracemalloc.start()
    try:
        result = explore(mutex_counter(tasks, sections))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {MEMORY: peak / result.states}


def _goals(samples: Samples) -> Iterator[Goal]:
    for (tasks, sections), limit in SECONDS_GOALS.items():
        name = name_of(tasks)
        seconds = samples.median(name, sections, SECONDS)
        if seconds is not None:
            what = (
                f"exhaustive: {tasks} tasks x {sections} sections on kernel.Mutex, checker on: seconds until complete"
            )
            yield Goal(what, seconds, limit, samples.spread(name, sections, SECONDS))
