"""A lock under which nothing may sleep.

On one event loop a section without an await cannot be interrupted, so a spinlock is contended only if its holder
broke the rule and slept. The validator reports that (NOVA205); whoever then wants the lock would spin for ever and is
told so.
"""

from collections.abc import Hashable
from types import TracebackType
from typing import Generic, TypeVar

from nova_async.errors import EDEADLK
from nova_async.kernel.guarded import StateOf, state_of, stateless
from nova_async.lockdep import LockMap, Validator
from nova_async.point import naming, observe_guarded, share

T = TypeVar("T")


class SpinLockGuard(Generic[T]):
    """``with lock.lock() as data``: the data for as long as the block lasts."""

    __slots__ = ("_lock",)

    def __init__(self, lock: "SpinLock[T]") -> None:
        self._lock = lock

    def __enter__(self) -> T:
        return self._lock._acquire()  # noqa: SLF001  guard and lock are one

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock._release()  # noqa: SLF001


class SpinLock(Generic[T]):
    """A spinlock around ``data``; see :class:`nova_async.kernel.mutex.Mutex` for the arguments."""

    __slots__ = ("_data", "_held", "_lockdep", "_map", "_state", "name")

    def __init__(self, lockdep: Validator, lock: LockMap, data: T, *, state: StateOf[T] = state_of) -> None:
        self.name = lock.instance
        self._data = data
        self._held = False
        self._lockdep = lockdep
        self._map = lock
        self._state = state

    def lock(self) -> SpinLockGuard[T]:
        """``with spinlock.lock() as data``.

        Raises:
            EDEADLK: on entry, if a task sleeps while it holds the lock.
        """
        return SpinLockGuard(self)

    def _acquire(self) -> T:
        self._lockdep.acquire(self._map)
        if self._held:
            self._lockdep.abandon(self._map)
            raise EDEADLK(f"spinlock {self.name}: its holder is asleep", hint="nothing may await under a spinlock")
        self._lockdep.acquired(self._map)
        self._held = True
        if naming() is not None:
            observe_guarded(self._name_state())
        return self._data

    def _name_state(self) -> Hashable:
        return self._state(self._data)

    def _release(self) -> None:
        self._held = False
        if self._state is not stateless and naming() is not None:
            share(self.name, self._name_state)
        self._lockdep.release(self._map)
