"""A validator with tasks that the test names itself."""

from collections.abc import Callable, Hashable

import pytest

from nova_async.lockdep import Validator


class Stage:
    """Who runs is whom the test last named."""

    def __init__(self) -> None:
        self.task = "T1"

    def current(self) -> Hashable:
        return self.task

    def name(self, task: Hashable) -> str:
        return str(task)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def validator(stage: Stage) -> Validator:
    return Validator(stage)


@pytest.fixture
def codes(validator: Validator) -> Callable[[], list[str]]:
    """The codes found so far."""
    return lambda: [finding.code for finding in validator.findings]
