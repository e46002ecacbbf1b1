"""What the lock validator costs: the same live clients with and without it, and how it grows with locks and use.

Rounds with and without are interleaved, so that a slow moment of the machine hits both alike.
"""

import gc
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from random import Random

import anyio

from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.clients import DrmSubmitter, VgpuCreator, Vm
from nova_async.errors import InternalError
from nova_async.lockdep import NullValidator, Tasks, Validator
from nova_async.scenario import World

CLIENTS = 1000
MOST_ROUNDS = 15
SECONDS_PER_CURVE = 25.0
"""What the curves take out of the time, on a slow machine."""

ON, OFF = "clients, checker on", "clients, checker off"
CLASSES = (1_000, 10_000, 100_000)
ACQUISITIONS = (10_000, 100_000, 1_000_000)
NEW_CLASSES, REPEATED = "first acquisitions, a new class each", "repeated acquisitions"
SECONDS, EACH = "s", "µs each"

RATIO_GOAL = 1.5
GROWTH_GOAL = 2.0

NOTES = (
    f"{CLIENTS} clients on one device: as many vGPU creators as DRM submitters, on asyncio, without the sanitizer.",
    "A new class is declared and taken under three random older ones; a repeated acquisition is of a known order.",
    "Seconds and µs are of processor time; in the curves without Python's collector, which grows with the heap.",
)


def run(settings: Settings) -> Report:
    """Measure the clients for what is left of the time, after the curves."""
    samples = Samples()
    start = time.perf_counter()
    for name, sizes, measure in ((NEW_CLASSES, CLASSES, new_classes), (REPEATED, ACQUISITIONS, repeated)):
        for size in sizes:
            settings.step(f"{name}, {size}")
            samples.add(name, size, EACH, measure(size) / size * 1e6)
    for number in range(MOST_ROUNDS):
        if number and time.perf_counter() - start > settings.max_seconds - SECONDS_PER_CURVE:
            break
        settings.step(f"{CLIENTS} clients, round {number + 1}")
        for name, validator in ((ON, Validator), (OFF, NullValidator)):
            samples.add(name, CLIENTS, SECONDS, clients(validator))
    return Report("checker", tuple(samples.figures({ON: OFF}, (SECONDS,))), tuple(_goals(samples)), NOTES)


def _goals(samples: Samples) -> list[Goal]:
    goals = []
    on, off = (samples.median(name, CLIENTS, SECONDS) for name in (ON, OFF))
    if on is not None and off:
        goals.append(Goal(f"{CLIENTS} live clients: checker on over checker off", on / off, RATIO_GOAL))
    for name, sizes in ((NEW_CLASSES, CLASSES), (REPEATED, ACQUISITIONS)):
        small, large = (samples.median(name, size, EACH) for size in (sizes[0], sizes[-1]))
        if small and large is not None:
            goals.append(Goal(f"{name}: each of {sizes[-1]} over each of {sizes[0]}", large / small, GROWTH_GOAL))
    return goals


def clients(lockdep: Callable[[Tasks], Validator], count: int = CLIENTS) -> float:
    """Processor seconds that ``count`` live clients take, from the first to the last.

    Raises:
        InternalError: the validator found something; then it was not the same work.
    """

    async def once() -> float:
        world = World(scenario="bench", seed=1, backend="asyncio", sanitize=False, lockdep=lockdep)
        gc.collect()  # nobody pays for what another left behind
        async with world:
            gpu = await world.boot("GA102", vram="256MiB")
            start = time.process_time()
            async with Vm(gpu, "vm", pages=count * 4) as vm, world.clients() as crew:
                for number in range(count // 2):
                    crew.start(VgpuCreator(gpu, number))
                    crew.start(DrmSubmitter(vm, number))
            seconds = time.process_time() - start
        if world.findings:
            raise InternalError(f"bench checker: {world.findings[0].message}")
        return seconds

    return anyio.run(once)


@contextmanager
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _OneTask:
    """The books are the same for one task and for many."""

    def current(self) -> Hashable:
        return 1

    def name(self, task: Hashable) -> str:
        return str(task)


def new_classes(count: int) -> float:
    """Processor seconds for ``count`` classes, each declared and taken under three random ones that are older."""
    validator = Validator(_OneTask())
    dice = Random(1)  # noqa: S311  a workload, not a secret
    locks = [validator.lock(f"class {number}") for number in range(3)]
    with _uncollected():
        start = time.process_time()
        for number in range(3, count):
            new = validator.lock(f"class {number}")
            held = [locks[index] for index in sorted(dice.sample(range(number), 3))]
            for lock in (*held, new):
                validator.acquire(lock)
            for lock in (new, *reversed(held)):
                validator.release(lock)
            locks.append(new)
        return time.process_time() - start


def repeated(count: int) -> float:
    """Processor seconds for ``count`` acquisitions of three nested locks of 999 in 333 classes each of their own."""
    validator = Validator(_OneTask())
    nests = [tuple(validator.lock(f"{name} {number}") for name in "abc") for number in range(333)]
    with _uncollected():
        start = time.process_time()
        for number in range(count // 3):
            first, second, third = nests[number % len(nests)]
            validator.acquire(first)
            validator.acquire(second)
            validator.acquire(third)
            validator.release(third)
            validator.release(second)
            validator.release(first)
        return time.process_time() - start
