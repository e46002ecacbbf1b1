"""The fixture ``nova_lockdep``."""

from collections.abc import Iterator
from contextlib import contextmanager

from nova_async.findings import Finding
from nova_async.lockdep import Validator, aio


class Lockdep:
    """Watches what is made of :mod:`nova_async.lockdep.aio`.

    Attributes:
        validator: of the present execution.
    """

    def __init__(self) -> None:
        self.validator = Validator(aio.AnyTasks())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """With a fresh validator."""
        self.validator = Validator(aio.AnyTasks())
        with aio.watching(self.validator):
            yield

    @property
    def findings(self) -> list[Finding]:
        """What was found so far."""
        return list(self.validator.findings)
