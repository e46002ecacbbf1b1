"""A validator that is off, at the price of an empty call."""

# ruff: noqa: ARG002  the interface is the validator's

from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext

from nova_async.lockdep.books import Tasks
from nova_async.lockdep.classes import LockMap, Mode
from nova_async.lockdep.events import EventMap, Signal
from nova_async.lockdep.gfp import Gfp, Scope
from nova_async.lockdep.held import Entry, Held
from nova_async.lockdep.places import Where
from nova_async.lockdep.validator import Validator


class _Nobody:
    def current(self) -> Hashable:
        return None

    def name(self, task: Hashable) -> str:
        return ""


class NullValidator(Validator):
    """Same interface, no books, no findings."""

    enabled = False
    _nothing: AbstractContextManager[None] = nullcontext()

    def __init__(self, tasks: Tasks | None = None) -> None:
        super().__init__(tasks or _Nobody())

    def acquire(
        self,
        lock: LockMap,
        mode: Mode = Mode.EXCLUSIVE,
        *,
        trylock: bool = False,
        subclass: int = 0,
        nest: LockMap | None = None,
    ) -> None:
        """Nothing."""

    def contended(self, lock: LockMap) -> None:
        """Nothing."""

    def acquired(self, lock: LockMap) -> None:
        """Nothing."""

    def release(self, lock: LockMap) -> None:
        """Nothing."""

    def abandon(self, lock: LockMap) -> None:
        """Nothing."""

    def downgrade(self, lock: LockMap) -> None:
        """Nothing."""

    @property
    def in_signalling(self) -> bool:
        """False: nobody keeps count."""
        return False

    def signalling(self) -> AbstractContextManager[None]:
        """Nothing."""
        return self._nothing

    def reclaim(self, *, memalloc: bool = True) -> AbstractContextManager[None]:
        """Nothing."""
        return self._nothing

    def notifier(self) -> AbstractContextManager[None]:
        """Nothing."""
        return self._nothing

    def context(self, lock: LockMap) -> AbstractContextManager[None]:
        """Nothing."""
        return self._nothing

    def scope(self, scope: Scope) -> AbstractContextManager[None]:
        """Nothing."""
        return self._nothing

    def enter_scope(self, scope: Scope) -> int:
        """No bits."""
        return 0

    def leave_scope(self, bits: int) -> None:
        """Nothing."""

    def might_alloc(self, gfp: Gfp, what: str = "") -> None:
        """Nothing."""

    def might_wait(self, what: str = "") -> None:
        """Nothing."""

    def fence_public(self, fence: Hashable, name: str) -> None:
        """Nothing."""

    def fence_taken_on(self, fence: Hashable) -> None:
        """Nothing."""

    def fence_signalled(self, fence: Hashable) -> None:
        """Nothing."""

    def might_sleep(self, what: str = "") -> None:
        """Nothing."""

    def signal(self, event: EventMap) -> Signal | None:
        """Nothing."""

    def at_wait(self, what: str) -> tuple[list[Entry], Where]:
        """Nothing is held, nowhere."""
        return [], ()

    def woken(self, event: EventMap, signal: Signal | None, where: Where, held: list[Entry]) -> None:
        """Nothing."""

    def deadline(self, lock: LockMap) -> None:
        """Nothing."""

    def heard(self) -> None:
        """Nothing."""

    def task_ended(self, task: Hashable | None = None) -> None:
        """Nothing."""

    def assert_held(self, lock: LockMap, mode: Mode | None = None) -> None:
        """Nothing."""

    def pin(self, lock: LockMap) -> int:
        """A cookie for nothing."""
        return 0

    def unpin(self, lock: LockMap, cookie: int) -> None:
        """Nothing."""

    def holds(self, name: str, instance: str = "") -> bool:
        """Nobody knows."""
        return False

    def held(self, task: Hashable | None = None) -> tuple[Held, ...]:
        """Nothing is known to be held."""
        return ()
