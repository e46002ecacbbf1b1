"""What the lock validator costs: the same live clients with and without it, and how it grows with locks and use.

Rounds with and without are interleaved, so that a slow moment of the machine hits both alike.
"""

import gc
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.turns import Turn, Values, in_turns
from nova_async.bench.workload import Load, run_load
from nova_async.lockdep import NullValidator, Tasks, Validator

CLIENTS = (10, 100, 1000)
MANY = 1000
ROUNDS = 15

OFF = "clients, checker off"
ORDER = "clients, lock order and reclaim"
EVERYTHING = "clients, everything: sanitizer and accounting too"
CLASSES = (1_000, 10_000, 100_000)
ACQUISITIONS = (10_000, 100_000, 1_000_000)
NEW_CLASSES, REPEATED = "first acquisitions, a new class each", "repeated acquisitions"
SECONDS, EACH, RATE = "s", "µs each", "acquisitions/s"

ORDER_GOAL = 1.3
EVERYTHING_GOAL = 2.0
GROWTH_GOAL = 2.0

NOTES = (
    "Clients on one device: as many vGPU creators as DRM submitters, on asyncio.",
    "Everything has the closing of the accounts and a last look at every page table in its time; the other two do not.",
    "A new class is declared and taken under three random older ones, so edges grow three times as fast as classes.",
    "A repeated acquisition is of a known order.",
    "Seconds and µs are of processor time; in the curves without Python's collector, which grows with the heap.",
)


def run(settings: Settings) -> Report:
    """The curves first, then the clients for what is left of the time."""
    samples = Samples()
    start = time.perf_counter()
    in_turns(samples, [*_curves()], settings.step, seconds=settings.max_seconds / 3, rounds=3)
    left = settings.max_seconds - (time.perf_counter() - start)
    in_turns(samples, [*_clients()], settings.step, seconds=left, rounds=ROUNDS)
    pairs = {ORDER: OFF, EVERYTHING: OFF}
    return Report("checker", tuple(samples.figures(pairs, (SECONDS,))), tuple(_goals(samples)), NOTES)


def _curves() -> Iterator[Turn]:
    for name, sizes, measure in ((NEW_CLASSES, CLASSES, new_classes), (REPEATED, ACQUISITIONS, repeated)):
        for size in sizes:
            yield Turn(name, size, partial(_each, measure, size))


def _each(measure: Callable[[int], float], count: int) -> Values:
    seconds = measure(count)
    return {EACH: seconds / count * 1e6, RATE: count / seconds}


def _clients() -> Iterator[Turn]:
    for count in CLIENTS:
        yield Turn(OFF, count, partial(clients, NullValidator, count))
        yield Turn(ORDER, count, partial(clients, Validator, count))
        yield Turn(EVERYTHING, count, partial(clients, Validator, count, everything=True))


def clients(lockdep: Callable[[Tasks], Validator], count: int, *, everything: bool = False) -> Values:
    """Processor seconds that ``count`` live clients take, from the first to the last.

    Args:
        lockdep: makes the validator.
        count: how many.
        everything: with a sanitizer, and up to the last account.
    """
    return {
        SECONDS: run_load(Load(clients=count, lockdep=lockdep, sanitize=everything, closing=everything)).cpu_seconds
    }


def _goals(samples: Samples) -> Iterator[Goal]:
    for name, limit in ((ORDER, ORDER_GOAL), (EVERYTHING, EVERYTHING_GOAL)):
        ratio = samples.ratio(name, OFF, MANY, SECONDS)
        if ratio is not None:
            yield ratio.goal(f"{MANY} {name}, over checker off", limit)
    for name, sizes in ((NEW_CLASSES, CLASSES), (REPEATED, ACQUISITIONS)):
        growth = samples.ratio(name, name, sizes[-1], EACH, sizes[0])
        if growth is not None:
            yield growth.goal(f"{name}: each of {sizes[-1]} over each of {sizes[0]}", GROWTH_GOAL)


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
