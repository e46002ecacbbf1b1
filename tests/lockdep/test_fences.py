"""NOVA402: public fences that nobody signals, at once where their owner has ended, else at the end."""

from collections.abc import Hashable

import pytest

from nova_async.lockdep import NullValidator, Validator


class Script:
    """Tasks by name, of which the script says who runs."""

    def __init__(self) -> None:
        self.running = "submit"

    def current(self) -> Hashable:
        return self.running

    def name(self, task: Hashable) -> str:
        return str(task)


@pytest.fixture
def tasks() -> Script:
    return Script()


@pytest.fixture
def lockdep(tasks: Script) -> Validator:
    return Validator(tasks)


def said(lockdep: Validator) -> list[str]:
    return [f"{finding.code} {finding.message}" for finding in lockdep.findings]


def test_a_fence_that_was_signalled_is_no_finding(lockdep: Validator, tasks: Script) -> None:
    lockdep.fence_public("f", "ring:1")
    tasks.running = "run"
    lockdep.fence_taken_on("f")
    lockdep.fence_signalled("f")
    lockdep.task_ended()
    lockdep.settle_fences()
    assert said(lockdep) == []


def test_a_public_fence_that_is_never_signalled_is_told_at_the_end(lockdep: Validator, tasks: Script) -> None:
    lockdep.fence_public("f", "ring:1")
    lockdep.task_ended()
    assert said(lockdep) == []  # anybody may signal it
    tasks.running = "main"
    lockdep.settle_fences()
    assert said(lockdep) == ["NOVA402 submit: let others see ring:1, which was never signalled"]
    assert lockdep.findings[0].chain[0].sites


def test_a_fence_whose_owner_has_ended_is_told_at_once_and_once(lockdep: Validator, tasks: Script) -> None:
    lockdep.fence_public("f", "ring:1")
    tasks.running = "run"
    lockdep.fence_taken_on("f")
    lockdep.task_ended()
    assert said(lockdep) == ["NOVA402 run: ended, and nobody else will signal ring:1"]
    lockdep.settle_fences()
    assert len(lockdep.findings) == 1


def test_who_takes_a_fence_on_relieves_the_one_before(lockdep: Validator, tasks: Script) -> None:
    lockdep.fence_public("f", "ring:1")
    lockdep.fence_taken_on("f")
    tasks.running = "run"
    lockdep.fence_taken_on("f")
    tasks.running = "submit"
    lockdep.task_ended()
    assert said(lockdep) == []


def test_a_fence_that_nobody_has_seen_is_nobodys_business(lockdep: Validator) -> None:
    lockdep.fence_taken_on("f")
    lockdep.task_ended()
    lockdep.settle_fences()
    assert said(lockdep) == []


def test_a_run_that_is_cut_short_says_nothing_of_fences(lockdep: Validator) -> None:
    lockdep.fence_public("f", "ring:1")
    lockdep.fence_taken_on("f")
    lockdep.excuse_fences()
    lockdep.task_ended()
    lockdep.settle_fences()
    assert said(lockdep) == []


def test_a_validator_that_is_off_says_nothing() -> None:
    lockdep = NullValidator()
    lockdep.fence_public("f", "ring:1")
    lockdep.fence_taken_on("f")
    lockdep.task_ended()
    lockdep.settle_fences()
    assert said(lockdep) == []
