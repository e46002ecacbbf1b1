"""A sleeping lock that owns what it guards.

The data is reachable only through the guard, and the guard is dead after release, as with ``Mutex<T>`` of the kernel's
Rust side: a model that cannot touch the window without the window lock has one way to be wrong fewer.
"""

from collections.abc import Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

from nova_async.errors import InternalError
from nova_async.kernel.flag import Flag
from nova_async.kernel.guarded import StateOf, state_of, stateless
from nova_async.lockdep import LockMap, Validator
from nova_async.operation import Access, Kind, Operation, Sleepers
from nova_async.point import let_go, naming, observe_guarded, point, share, took, touch

T = TypeVar("T")


class MutexGuard(Generic[T]):
    """The right to use the data of one :class:`Mutex`, from ``async with mutex.lock()`` to its end.

    Attributes:
        access: what is done to the data, for the explorer; whoever does less than WRITE says so before he releases.
    """

    __slots__ = ("_held", "_mutex", "_private", "access")

    def __init__(self, mutex: "Mutex[T]", *, private: bool = False) -> None:
        self._mutex = mutex
        self._private = private
        self._held = False
        self.access = Access.WRITE

    @property
    def data(self) -> T:
        """What the lock guards.

        Raises:
            InternalError: the lock is not held through this guard.
        """
        self._check()
        return self._mutex._data  # noqa: SLF001  guard and mutex are one

    @data.setter
    def data(self, value: T) -> None:
        self._check()
        self._mutex._data = value  # noqa: SLF001

    async def __aenter__(self) -> Self:
        await self._mutex._acquire(private=self._private)  # noqa: SLF001
        self._held = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let the lock go before the end of the block; does nothing the second time."""
        if self._held:
            self._held = False
            self._mutex._release(self.access)  # noqa: SLF001

    def _check(self) -> None:
        if not self._held:
            raise InternalError(f"{self._mutex.name}: its data was used through a guard that does not hold the lock")


class Mutex(Generic[T]):
    """A FIFO mutex around ``data``.

    Cancelled while waiting, a task leaves the queue and nothing behind. Taking a free lock does not suspend unless
    the runtime says so.

    Args:
        lockdep: who is told of every acquisition.
        lock: its class and instance, see :meth:`nova_async.lockdep.Validator.lock`.
        data: what it guards.
        state: what names the state of the data, for the explorer.
        told: whether a task that takes the lock is taken to see all of that state; if not, what it sees is observed
            where it looks.
    """

    __slots__ = ("_data", "_held", "_lockdep", "_map", "_operation", "_private", "_sleepers", "_state", "_told", "name")

    def __init__(
        self, lockdep: Validator, lock: LockMap, data: T, *, state: StateOf[T] = state_of, told: bool = True
    ) -> None:
        self.name = lock.instance
        self._data = data
        self._held = Flag()
        self._lockdep = lockdep
        self._map = lock
        self._state = stateless if data is None else state
        self._told = told and data is not None
        self._sleepers = Sleepers(in_turn=True)
        self._operation = Operation(Kind.ACQUIRE, lock.instance, self._held.is_down, self._sleepers)
        self._private = Operation(Kind.PRIVATE, lock.instance, self._held.is_down, self._sleepers)

    def __repr__(self) -> str:
        return f"<Mutex {self.name} {'held' if self._held.up else 'free'}, {len(self._sleepers)} waiting>"

    @property
    def held(self) -> bool:
        """Whether somebody has it."""
        return self._held.up

    def lock(self, *, private: bool = False) -> MutexGuard[T]:
        """``async with mutex.lock() as guard: guard.data …``.

        Args:
            private: what is done under the lock nobody else can change until then, as he does not know of it or as the
                caller holds another lock that guards it. So the explorer need not try every moment; whoever keeps such
                a lock across a point makes others wait all the same.
        """
        return MutexGuard(self, private=private)

    def try_lock(self) -> MutexGuard[T] | None:
        """A guard that holds the lock and must be released, or None if it is taken or others wait for it."""
        taken = self._held.up or bool(self._sleepers)
        touch(f"holder of {self.name}")
        observe_guarded(taken)
        if taken:
            return None
        self._lockdep.acquire(self._map, trylock=True)
        self._lockdep.acquired(self._map)
        self._held.up = True
        self._tell_holder()
        guard = MutexGuard(self)
        guard._held = True  # noqa: SLF001
        return guard

    async def _acquire(self, *, private: bool) -> None:
        lockdep, lock = self._lockdep, self._map
        lockdep.acquire(lock)
        if self._held.up:
            lockdep.contended(lock)
        try:
            await point(self._private if private else self._operation)
        except BaseException:
            lockdep.abandon(lock)
            raise
        self._held.up = True
        lockdep.acquired(lock)
        self._tell_holder()

    def _tell_holder(self) -> None:
        if naming() is not None:
            took(self.name)
            if self._told:
                observe_guarded(self._name_state())

    def _name_state(self) -> Hashable:
        return self._state(self._data)

    def _release(self, access: Access) -> None:
        self._held.up = False
        if naming() is not None:
            let_go(self.name)
            if self._state is not stateless:
                share(self.name, self._name_state, access)
        self._lockdep.release(self._map)
        self._sleepers.wake_one()
