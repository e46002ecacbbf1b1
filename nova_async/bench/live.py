"""Live runs from 10 to 10,000 clients: time of an operation, latency, memory, and how long the unluckiest waits.

An operation is one vGPU created, used and destroyed, or one buffer bound and unbound. Every client does one, and all
begin at the same time, so that latency grows with their number by necessity; what should not grow is the time of an
operation.
"""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.turns import Turn, Values, in_turns
from nova_async.bench.workload import Load, run_load
from nova_async.kernel.core import LockRow
from nova_async.mm.lock_order import BUDDY, PAGE_TABLES, PRAMIN, VM
from nova_async.scenario.collector import rare_collections
from nova_async.scenario.runner import timed

Measure = Callable[[str, int], Values]

CLIENTS = (10, 100, 1_000, 10_000)
OPERATIONS = 200
"""At least so many in one round, in several runs of few clients."""
WEIGHED = (100, 1_000)
WAITED = (10, 100, 1_000)
WAITED_FOR = (PRAMIN, BUDDY, PAGE_TABLES, VM)
BACKENDS = ("asyncio", "trio")
AS_IT_COMES = "asyncio, Python's collector as it comes"

EACH, RATE, P99 = "µs/operation", "operations/s", "ms p99"
MEMORY, WAITING, UNFAIRNESS = "bytes/client", "% had to wait", "max/median wait"

FEW, MANY = 100, 10_000
GROWTH_GOAL = 1.5

NOTES = (
    "Half of the clients create vGPUs, the other half bind buffers in one VM; checker on, without the sanitizer.",
    "Operations are per second of processor time; p99 is of real time, of clients who all begin at once.",
    "x compares with asyncio. Memory is traced at its peak, in a run of its own.",
    "nova-async run lets Python's collector look for cycles seldom, as the first two rows do.",
    "Of the window, nobody ever has to wait for it live: nothing under it gives way to another task.",
)


def run(settings: Settings) -> Report:
    """Every number of clients on both backends in turns."""
    samples = Samples()
    in_turns(samples, [*_turns(CLIENTS, measure), *_as_it_comes()], settings.step, seconds=settings.max_seconds * 0.8)
    others = [*_waits(), *_turns(WEIGHED, weigh)]
    in_turns(samples, others, settings.step, seconds=settings.max_seconds * 0.2, rounds=3)
    pairs = {BACKENDS[1]: BACKENDS[0], AS_IT_COMES: BACKENDS[0]}
    figures = tuple(samples.figures(pairs, (EACH, RATE, P99, MEMORY)))
    return Report("live", figures, tuple(_goals(samples)), NOTES)


def _turns(sizes: Sequence[int], measure: Measure) -> Iterator[Turn]:
    for clients in sizes:
        for backend in BACKENDS:
            yield Turn(backend, clients, partial(measure, backend, clients))


def _as_it_comes() -> Iterator[Turn]:
    for clients in CLIENTS:
        yield Turn(AS_IT_COMES, clients, partial(measure, BACKENDS[0], clients, nullcontext))


def _waits() -> Iterator[Turn]:
    for clients in WAITED:
        for backend in BACKENDS:
            for row in WAITED_FOR:
                yield Turn(f"{backend}: {row.name} lock", clients, partial(waits, row, backend, clients))


def measure(
    backend: str, clients: int, collector: Callable[[], AbstractContextManager[None]] = rare_collections
) -> Values:
    """One round of one number of clients."""
    latencies: list[float] = []
    seconds = 0.0
    while len(latencies) < OPERATIONS:
        with collector():
            ran = run_load(Load(clients=clients, backend=backend))
        latencies += ran.latencies
        seconds += ran.cpu_seconds
    latencies.sort()
    return {
        EACH: seconds / len(latencies) * 1e6,
        RATE: len(latencies) / seconds,
        P99: latencies[(len(latencies) * 99 - 1) // 100] * 1e3,
    }


def waits(row: LockRow, backend: str, clients: int) -> Values:
    """How many had to wait for a lock, and how long the unluckiest did, over the median of those."""
    ran = run_load(Load(clients=clients, backend=backend, lockdep=timed))
    stat = ran.lock_stat[row.name] if ran.lock_stat else None
    if stat is None or not stat.acquisitions:
        return {}
    values = {WAITING: stat.contentions / stat.acquisitions * 100}
    if stat.wait.count:
        values[UNFAIRNESS] = stat.wait.max / stat.wait.percentile(50)
    return values


def weigh(backend: str, clients: int) -> Values:
    """What Python's allocator gave out at the peak, for each client."""
    tracemalloc.start()
    try:
        run_load(Load(clients=clients, backend=backend))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {MEMORY: peak / clients}


def _goals(samples: Samples) -> Iterator[Goal]:
    for backend in BACKENDS:
        growth = samples.ratio(backend, backend, MANY, EACH, FEW)
        if growth is not None:
            yield growth.goal(f"{backend}: time of an operation with {MANY} clients over that with {FEW}", GROWTH_GOAL)
