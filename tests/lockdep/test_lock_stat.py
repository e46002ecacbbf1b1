import random
from typing import Protocol

import pytest

from nova_async.lockdep import LockStat, Times, Validator
from nova_async.lockdep.lock_stat import table


class Stage(Protocol):
    task: str

    def current(self) -> str: ...
    def name(self, task: object) -> str: ...


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(stage: Stage, clock: Clock) -> Validator:
    return Validator(stage, clock)


def stat_of(validator: Validator) -> LockStat:
    assert validator.stat is not None
    return validator.stat


def test_waiting_and_holding_are_told_apart(timed: Validator, stage: Stage, clock: Clock) -> None:
    lock = timed.lock("pramin")
    timed.acquire(lock)
    timed.acquired(lock)
    stage.task = "T2"
    clock.ns = 100
    timed.acquire(lock)
    timed.contended(lock)
    stage.task = "T1"
    clock.ns = 700
    timed.release(lock)
    stage.task = "T2"
    timed.acquired(lock)
    clock.ns = 1000
    timed.release(lock)
    stat = stat_of(timed).classes["pramin"]
    assert (stat.acquisitions, stat.contentions) == (2, 1)
    assert (stat.wait.count, stat.wait.total) == (1, 600)
    assert (stat.hold.min, stat.hold.max, stat.hold.avg) == (300, 700, 500)
    assert stat.longest_holder == "T1"
    assert stat.longest_at[0].function == "test_waiting_and_holding_are_told_apart"


def test_the_blame_goes_to_the_holder_of_the_moment(timed: Validator, stage: Stage) -> None:
    lock = timed.lock("A")

    def holder() -> None:
        timed.acquire(lock)
        timed.acquired(lock)

    def waiter() -> None:
        stage.task = "T2"
        timed.acquire(lock)
        timed.contended(lock)

    holder()
    waiter()
    ((pair, count),) = stat_of(timed).classes["A"].blame.items()
    assert "waiter" in pair[0]
    assert "holder" in pair[1]
    assert count == 1


def test_a_cancelled_wait_is_a_contention_but_no_acquisition(timed: Validator) -> None:
    lock = timed.lock("A")
    timed.acquire(lock)
    timed.contended(lock)
    timed.abandon(lock)
    stat = stat_of(timed).classes["A"]
    assert (stat.acquisitions, stat.contentions, stat.hold.count) == (0, 1, 0)


def test_a_lock_released_out_of_order_or_by_another_is_accounted_all_the_same(
    timed: Validator, stage: Stage, clock: Clock
) -> None:
    a, b = timed.lock("A"), timed.lock("B")
    for lock in (a, b):
        timed.acquire(lock)
        timed.acquired(lock)
    clock.ns = 10
    timed.release(a)
    clock.ns = 30
    stage.task = "T2"
    timed.release(b)
    classes = stat_of(timed).classes
    assert (classes["A"].hold.total, classes["B"].hold.total) == (10, 30)
    assert classes["B"].longest_holder == "T1"


@pytest.mark.parametrize("percent", [50, 99])
def test_a_percentile_is_at_most_a_sixteenth_too_high(percent: float) -> None:
    rng = random.Random(1)
    durations = [int(rng.lognormvariate(8, 2)) for _ in range(5000)]
    times = Times()
    for ns in durations:
        times.add(ns)
    exact = sorted(durations)[len(durations) * int(percent) // 100 - 1]
    assert exact <= times.percentile(percent) <= exact * 17 / 16 + 1
    assert times.percentile(100) == max(durations)


def test_without_a_clock_nothing_is_kept(validator: Validator) -> None:
    lock = validator.lock("A")
    validator.acquire(lock)
    validator.acquired(lock)
    validator.release(lock)
    assert validator.stat is None


def test_clearing_keeps_the_locks_that_are_held(timed: Validator, clock: Clock) -> None:
    lock = timed.lock("A")
    timed.acquire(lock)
    timed.acquired(lock)
    stat_of(timed).clear()
    assert stat_of(timed).classes == {}
    clock.ns = 50
    timed.release(lock)
    assert stat_of(timed).classes["A"].hold.total == 50


def test_the_table_has_the_most_contended_class_first(timed: Validator, clock: Clock) -> None:
    quiet, busy = timed.lock("quiet"), timed.lock("busy")
    for lock in (quiet, busy):
        timed.acquire(lock)
        if lock is busy:
            timed.contended(lock)
        clock.ns += 2500
        timed.acquired(lock)
        clock.ns += 1000
        timed.release(lock)
    header, first, second = table(stat_of(timed).classes).splitlines()
    assert header.split()[:3] == ["class", "got", "waited"]
    assert first.split()[:6] == ["busy", "1", "1", "2.5", "2.5", "2.5"]
    assert second.split()[0] == "quiet"
    assert first.split()[-5] == "T1"
