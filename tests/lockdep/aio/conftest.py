"""Somebody watches, for the length of a test."""

from collections.abc import Callable, Iterator

import pytest

from nova_async.lockdep import Validator, aio


@pytest.fixture
def watched() -> Iterator[Validator]:
    with aio.watching() as validator:
        yield validator


@pytest.fixture
def codes(watched: Validator) -> Callable[[], list[str]]:
    """The codes found, all that waited for the end included."""

    def found() -> list[str]:
        watched.settle()
        return [finding.code for finding in watched.findings]

    return found
