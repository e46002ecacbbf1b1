"""Waits for events under locks. Each test tells the validator one run, step by step; the stage says who runs."""

from collections.abc import Callable
from typing import Any

import pytest

from nova_async.findings import Finding, Severity
from nova_async.lockdep import LockMap, Mode, Validator, WaitType, splat
from nova_async.lockdep.events import EventMap
from nova_async.lockdep.waits import HISTORY, SIGNALLERS


class Play:
    """Says who does what."""

    def __init__(self, stage: Any, validator: Validator) -> None:
        self.stage = stage
        self.validator = validator

    def takes(self, task: str, *locks: LockMap, mode: Mode = Mode.EXCLUSIVE, trylock: bool = False) -> None:
        self.stage.task = task
        for lock in locks:
            self.validator.acquire(lock, mode, trylock=trylock)

    def drops(self, task: str, *locks: LockMap) -> None:
        self.stage.task = task
        for lock in locks:
            self.validator.release(lock)

    def passes(self, task: str, lock: LockMap) -> None:
        self.takes(task, lock)
        self.drops(task, lock)

    def signals(self, task: str, event: EventMap) -> None:
        self.stage.task = task
        self.validator.signal(event)

    def waits(self, task: str, event: EventMap, *, ends: bool = False) -> None:
        self.stage.task = task
        with self.validator.waiting(event, ends=ends):
            pass

    def waits_under(self, task: str, lock: LockMap, event: EventMap) -> None:
        self.takes(task, lock)
        self.waits(task, event)
        self.drops(task, lock)

    def found(self) -> list[Finding]:
        self.validator.settle()
        return self.validator.findings


@pytest.fixture
def play(stage: Any, validator: Validator) -> Play:
    return Play(stage, validator)


@pytest.fixture
def lock(validator: Validator) -> LockMap:
    return validator.lock("L")


@pytest.fixture
def done(validator: Validator) -> EventMap:
    validator.follow()
    return validator.event("done", once=True)


def test_X82_waiting_for_a_completion_under_the_lock_that_leads_to_it_is_found(
    play: Play, lock: LockMap, done: EventMap
) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    (finding,) = play.found()
    assert (finding.code, finding.severity) == ("NOVA101", Severity.POSSIBLE)
    assert finding.message == "W waits for done while holding L, and S takes L before it signals done"
    assert finding.locks == ("L", "done")
    assert finding.tasks == ("W", "S")


def test_the_report_has_a_column_for_each_side(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    columns = splat(play.found()[0]).split("what could go wrong:\n")[1].split("\n\n")[0]
    assert [line.strip() for line in columns.splitlines()] == [
        "W                S",
        "--------------   -----------------",
        "takes L",
        "is to signal done",
        "waits for done",
        "waits for L",
        "*** deadlock ***",
    ]


def test_it_is_found_if_the_signaller_still_holds_the_lock_or_comes_after_the_wait_began(
    play: Play, validator: Validator, done: EventMap
) -> None:
    table, row = validator.lock("table"), validator.lock("row")
    play.passes("S", table)
    play.takes("S", row)
    play.takes("W", table)
    with validator.waiting(done):
        play.signals("S", done)
        play.stage.task = "W"
    assert [finding.locks for finding in play.found()] == [("table", "done")]


def test_a_lock_that_comes_before_the_one_held_counts_as_well(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    other = validator.lock("M")
    play.takes("T", other, lock)
    play.drops("T", lock, other)
    play.passes("S", other)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    (finding,) = play.found()
    assert finding.message == "W waits for done while holding L, and S takes M before it signals done; M -> L (T)"


def test_a_lock_that_comes_after_the_one_held_does_not(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    other = validator.lock("M")
    play.takes("T", lock, other)
    play.drops("T", other, lock)
    play.passes("S", other)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_readers_that_overtake_do_not_wait_for_each_other(play: Play, lock: LockMap, done: EventMap) -> None:
    play.takes("S", lock, mode=Mode.RECURSIVE_READ)
    play.drops("S", lock)
    play.signals("S", done)
    play.takes("W", lock, mode=Mode.RECURSIVE_READ)
    play.waits("W", done)
    assert play.found() == []


def test_a_signaller_that_takes_nothing_is_no_alarm(play: Play, lock: LockMap, done: EventMap) -> None:
    play.signals("S", done)
    play.passes("S", lock)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_lock_got_by_trylock_holds_nobody_up(play: Play, lock: LockMap, done: EventMap) -> None:
    play.takes("S", lock, trylock=True)
    play.drops("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


@pytest.mark.parametrize("later", [True, False])
def test_another_signaller_that_needs_no_lock_acquits_even_later(
    play: Play, lock: LockMap, done: EventMap, later: bool
) -> None:
    if not later:
        play.signals("other", done)
    play.passes("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    if later:
        play.signals("other", done)
    assert play.found() == []


def test_two_signallers_that_both_take_the_lock_do_not_acquit(play: Play, lock: LockMap, done: EventMap) -> None:
    for task in ("S1", "S2"):
        play.passes(task, lock)
        play.signals(task, done)
    play.waits_under("W", lock, done)
    assert len(play.found()) == 1


def test_more_signallers_than_can_be_known_acquit(play: Play, lock: LockMap, done: EventMap) -> None:
    for number in range(SIGNALLERS + 1):
        play.passes(f"S{number}", lock)
        play.signals(f"S{number}", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_wait_with_a_deadline_ends_by_itself(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.takes("W", lock)
    play.waits("W", done, ends=True)
    assert play.found() == []


def test_a_wait_that_was_cancelled_had_another_way_out(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.takes("W", lock)
    with pytest.raises(KeyError), play.validator.waiting(done):
        raise KeyError
    assert play.found() == []


def test_a_lock_let_go_for_the_wait_is_not_held_over_it(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.takes("W", play.validator.lock("other"), lock)
    with play.validator.waiting(done):
        play.drops("W", lock)
    assert play.found() == []


def test_a_lock_that_was_waited_for_in_vain_is_not_needed(play: Play, lock: LockMap, done: EventMap) -> None:
    play.takes("S", lock)
    play.validator.abandon(lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_lock_that_would_not_be_waited_for_for_ever_is_not_needed(play: Play, lock: LockMap, done: EventMap) -> None:
    play.takes("S", lock)
    play.validator.deadline(lock)
    play.drops("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_lock_left_out_of_the_rules_is_left_out_here(play: Play, validator: Validator, done: EventMap) -> None:
    quiet = validator.lock("quiet", validate=False)
    play.passes("S", quiet)
    play.signals("S", done)
    play.waits_under("W", quiet, done)
    assert play.found() == []


def test_another_task_of_the_same_key_begins_anew(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.validator.task_ended()
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_another_lock_of_the_same_class_is_another_lock(play: Play, validator: Validator, done: EventMap) -> None:
    play.passes("S", validator.lock("L", "L1"))
    play.signals("S", done)
    play.waits_under("W", validator.lock("L", "L2"), done)
    assert play.found() == []


def test_a_waiter_that_had_heard_of_the_signaller_after_its_lock_always_comes_second(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    loaded = validator.event("loaded", once=True)
    play.passes("S", lock)
    play.signals("S", loaded)
    play.signals("S", done)
    play.waits("W", loaded)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_waiter_that_had_heard_of_the_signaller_before_its_lock_may_come_first(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    begun = validator.event("begun", once=True)
    play.signals("S", begun)
    play.waits("W", begun)
    play.passes("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert len(play.found()) == 1


def test_an_event_made_after_the_lock_by_another_cannot_be_known_before_it(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    play.passes("S", lock)
    late = validator.event("late", once=True)
    play.signals("S", late)
    play.waits_under("W", lock, late)
    assert play.found() == []


def test_an_occurrence_needs_what_was_taken_since_the_last_one(play: Play, validator: Validator, lock: LockMap) -> None:
    item = validator.event("item")
    play.passes("S", lock)
    play.signals("S", item)
    play.signals("S", item)
    play.waits_under("W", lock, item)
    assert play.found() == []
    play.passes("S", lock)
    play.signals("S", item)
    play.waits_under("W", lock, item)
    assert len(play.found()) == 1


def test_what_was_taken_very_long_ago_is_forgotten(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    play.passes("S", lock)
    for number in range(HISTORY):
        play.passes("S", validator.lock("other", f"other{number}"))
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert play.found() == []


def test_a_lock_taken_again_is_remembered_as_of_then(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    play.passes("S", lock)
    for number in range(HISTORY - 1):
        play.passes("S", validator.lock("other", f"other{number}"))
    play.passes("S", lock)
    play.passes("S", validator.lock("last"))
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert len(play.found()) == 1


def test_one_finding_for_many_objects_of_the_same_classes(play: Play, validator: Validator) -> None:
    validator.follow()
    for number in range(10):
        request = validator.lock("request", f"request{number}")
        answer = validator.event("answer", once=True)
        play.passes("S", request)
        play.signals("S", answer)
        play.waits_under("W", request, answer)
    assert [finding.locks for finding in play.found()] == [("request", "answer")]


def test_settling_twice_tells_once(play: Play, lock: LockMap, done: EventMap) -> None:
    play.passes("S", lock)
    play.signals("S", done)
    play.waits_under("W", lock, done)
    assert len(play.found()) == 1
    assert len(play.found()) == 1


def test_waiting_for_an_event_in_atomic_context_is_found(play: Play, validator: Validator, done: EventMap) -> None:
    play.takes("W", validator.lock("spin", wait=WaitType.SPIN))
    play.waits("W", done)
    assert [finding.code for finding in play.found()] == ["NOVA205"]


def test_an_unowned_lock_is_let_go_by_anybody_and_outlives_its_taker(
    play: Play, validator: Validator, codes: Callable[[], list[str]]
) -> None:
    permit, other = validator.lock("permit", owned=False), validator.lock("other")
    play.takes("T1", permit)
    validator.task_ended()
    play.takes("T2", permit)
    play.drops("T3", permit)
    play.takes("T2", other)
    validator.task_ended()
    assert codes() == ["NOVA104"]
    assert validator.findings[0].locks == ("other",)


def test_a_lock_around_both_that_makes_the_waiter_second_acquits(
    play: Play, validator: Validator, lock: LockMap, done: EventMap
) -> None:
    around, begun = validator.lock("around"), validator.event("begun", once=True)
    play.takes("S", around)
    play.signals("S", begun)
    play.waits("W", begun)
    play.takes("S", lock)
    play.signals("S", done)
    play.drops("S", lock, around)
    play.takes("W", around)
    play.waits_under("W", lock, done)
    assert play.found() == []
