from collections.abc import Callable
from typing import Protocol

import pytest

from nova_async.errors import EINVAL
from nova_async.findings import Finding
from nova_async.lockdep import Gfp, Mode, NullValidator, Scope, Validator

Codes = Callable[[], list[str]]


class Stage(Protocol):
    task: str

    def current(self) -> str: ...
    def name(self, task: object) -> str: ...


def test_locks_may_be_released_out_of_order(validator: Validator, codes: Codes) -> None:
    locks = [validator.lock(name) for name in "ABCD"]
    for lock in locks:
        validator.acquire(lock)
    for name, left in (("B", "ACD"), ("A", "CD"), ("D", "C"), ("C", "")):
        validator.release(locks["ABCD".index(name)])
        assert "".join(held.lock.instance for held in validator.held()) == left
    assert codes() == []


def test_a_chain_met_first_through_a_release_is_still_judged(validator: Validator, codes: Codes) -> None:
    a, b, c = (validator.lock(name) for name in "ABC")
    validator.acquire(a)
    validator.acquire(c, trylock=True)
    validator.release(a)  # now [C], which nobody took that way
    validator.acquire(b)
    validator.forget()
    validator.acquire(b)
    validator.acquire(c)
    assert codes() == ["NOVA101"]


def test_the_release_of_another_tasks_lock_names_both(validator: Validator, stage: Stage, codes: Codes) -> None:
    lock = validator.lock("A")
    stage.task = "T2"
    validator.acquire(validator.lock("B"))
    stage.task = "T1"
    validator.acquire(lock)
    stage.task = "T2"
    validator.acquire(lock)
    validator.contended(lock)
    stage.task = "T3"
    validator.release(lock)
    assert codes() == ["NOVA103"]
    assert validator.findings[0].tasks == ("T3", "T1")
    assert validator.held("T1") == ()
    assert len(validator.held("T2")) == 2
    assert validator.waits_for("T2") is lock


def test_a_lock_that_nobody_holds_cannot_be_released(validator: Validator) -> None:
    validator.release(validator.lock("A"))
    assert validator.findings[0].message == "T1: releases A, which nobody holds"


def test_a_cancelled_acquisition_leaves_nothing_behind(validator: Validator, codes: Codes) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    validator.acquire(a)
    validator.acquire(b)
    validator.contended(b)
    validator.abandon(b)
    assert [held.lock for held in validator.held()] == [a]
    assert validator.waits_for("T1") is None
    validator.release(a)
    validator.task_ended()
    assert codes() == []


def test_books_are_dropped_when_a_task_holds_nothing(validator: Validator, stage: Stage) -> None:
    lock = validator.lock("A")
    for number in range(50):
        stage.task = f"task {number}"
        validator.acquire(lock, Mode.READ)
        with validator.scope(Scope.NOFS):
            validator.release(lock)
    assert validator._stacks == {}
    assert lock.holders == 0


def test_a_task_that_ended_is_forgotten(validator: Validator, stage: Stage, codes: Codes) -> None:
    lock = validator.lock("A")
    validator.acquire(lock)
    stage.task = "the reaper"
    validator.task_ended("T1")
    assert codes() == ["NOVA104"]
    assert validator.findings[0].tasks == ("T1",)
    assert lock.holders == 0
    validator.destroy(lock)
    assert codes() == ["NOVA104"]


@pytest.mark.parametrize("again", ["destroy", "reinit"])
def test_a_held_lock_is_neither_freed_nor_initialised(
    validator: Validator, stage: Stage, codes: Codes, again: str
) -> None:
    lock = validator.lock("A")
    getattr(validator, again)(lock)
    assert codes() == []
    validator.acquire(lock)
    stage.task = "T2"
    getattr(validator, again)(lock)
    assert codes() == ["NOVA103"]
    assert validator.findings[0].tasks == ("T2", "T1")


def test_held_tells_how_and_where_each_lock_was_taken(validator: Validator) -> None:
    validator.acquire(validator.lock("A", "a#1"), Mode.READ, trylock=True, subclass=2)
    (held,) = validator.held()
    assert (held.lock.instance, held.mode, held.trylock, held.subclass_name) == ("a#1", Mode.READ, True, "A/2")
    assert held.sites[0].function == "test_held_tells_how_and_where_each_lock_was_taken"


def test_a_subclass_is_0_to_7(validator: Validator) -> None:
    with pytest.raises(EINVAL, match="subclass 8"):
        validator.acquire(validator.lock("A"), subclass=8)


def test_a_cookie_unpins_the_lock_it_was_given_for(validator: Validator, codes: Codes) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    validator.acquire(a)
    cookie = validator.pin(a)
    validator.unpin(b, cookie)
    assert codes() == ["NOVA103"]
    validator.unpin(a, cookie)
    validator.unpin(a, cookie)
    assert codes() == ["NOVA103", "NOVA103"]


def test_a_downgrade_needs_an_exclusive_hold(validator: Validator, codes: Codes) -> None:
    lock = validator.lock("A")
    validator.downgrade(lock)
    validator.acquire(lock)
    validator.downgrade(lock)
    assert codes() == ["NOVA103"]
    validator.downgrade(lock)
    assert codes() == ["NOVA103", "NOVA103"]


def test_a_judged_chain_asks_no_rule_again(validator: Validator, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = validator.lock("A"), validator.lock("B")

    def work() -> None:
        validator.acquire(a)
        validator.acquire(b)
        validator.might_alloc(Gfp.KERNEL)
        validator.might_wait()
        validator.release(a)
        validator.release(b)

    work()
    monkeypatch.setattr(validator, "_rules", None)
    work()


def test_a_listener_hears_each_finding_once(stage: Stage) -> None:
    heard: list[Finding] = []
    validator = Validator(stage, on_finding=heard.append)
    for _ in range(3):
        validator.release(validator.lock("A"))
    assert heard == validator.findings
    assert len(heard) == 1


def test_the_null_validator_says_nothing_to_everything() -> None:
    validator = NullValidator()
    lock = validator.lock("A", no_reclaim=True)
    validator.acquire(lock)
    validator.acquire(lock)
    with validator.signalling(), validator.reclaim(), validator.notifier(), validator.scope(Scope.NOFS):
        validator.might_alloc(Gfp.KERNEL)
        validator.might_wait()
    validator.release(lock)
    validator.release(lock)
    validator.release(lock)
    validator.task_ended()
    assert (validator.findings, validator.held(), validator.enabled) == ([], (), False)


def test_who_has_asked_and_does_not_wait_yet_is_not_the_holder(validator: Validator, stage: Stage) -> None:
    # A task can be preempted between asking for a free lock and queueing for it; another one takes it meanwhile.
    lock = validator.lock("lock")
    for task in ("asked", "holder"):
        stage.task = task
        validator.acquire(lock)
    validator.acquired(lock)
    stage.task = "stranger"
    validator.release(lock)
    assert [finding.message for finding in validator.findings] == ["stranger: releases lock, which holder holds"]
    stage.task = "asked"
    validator.acquired(lock)
    validator.release(lock)
    assert len(validator.findings) == 1
