"""Wound/wait mutexes: any number of one class, taken in any order, by transactions that give way to older ones.

A transaction draws a ticket when it begins and keeps it over its retries; the smaller is the older. Under *wait-die*,
which ``dma_resv`` uses, a younger one that holds locks backs off from a lock that an older one has, or waits for in
front of it. Under *wound-wait* the older one wounds the younger, which backs off at its next wait. Whoever backs off
(EDEADLK) lets go of everything and takes the contended lock first (lockdep.md 4). So nobody who holds a lock ever waits
for somebody who may wait for him, and the oldest never gives way.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from nova_async.errors import EALREADY, EDEADLK, EINVAL, InternalError
from nova_async.kernel.guarded import state_of
from nova_async.lockdep import LockMap, Validator
from nova_async.lockdep.ww import AcquireContext, Algorithm, WoundWait
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import naming, observe_guarded, point, share, touch

T = TypeVar("T")


class WwClass:
    """One class of wound/wait mutexes, and the tickets of its transactions.

    Args:
        lockdep: who is told of every acquisition.
        name: of the class.
        algorithm: who gives way.
    """

    def __init__(self, lockdep: Validator, name: str, algorithm: Algorithm = Algorithm.WAIT_DIE) -> None:
        self.name = name
        self.algorithm = algorithm
        self.lockdep = lockdep
        self.books = WoundWait(lockdep, name)
        self._tickets = 0
        self._draw = Operation(Kind.WRITE, f"{name} tickets")

    def mutex(self, instance: str, data: T) -> "WwMutex[T]":
        """A mutex of this class around ``data``."""
        return WwMutex(self, self.books.lock_map(instance), data)

    def transaction(self, name: str) -> "WwContext":
        """``async with`` this to lock several of the class."""
        return WwContext(self, name)

    async def draw(self, name: str) -> AcquireContext:
        """The books of a transaction that begins now: which one is older is decided here."""
        await point(self._draw)
        self._tickets += 1
        share(self._draw.resource, self._tickets)
        observe_guarded(self._tickets)
        return self.books.context(name)


class WwContext:
    """One transaction, for the length of an ``async with``; lock with it and let go of everything inside.

    Attributes:
        name: for reports.
        blocked_on: the mutex it waits for.
        contended: the mutex that it backed off from last, until it has that.
    """

    __slots__ = ("_books", "_cls", "blocked_on", "contended", "name")

    def __init__(self, cls: WwClass, name: str) -> None:
        self.name = name
        self.blocked_on: WwMutex[Any] | None = None
        self.contended: WwMutex[Any] | None = None
        self._cls = cls
        self._books: AcquireContext | None = None

    def __repr__(self) -> str:
        return f"<WwContext {self.name}>"

    @property
    def books(self) -> AcquireContext:
        """What the validator knows of it: its ticket, and what it holds.

        Raises:
            InternalError: it has not begun.
        """
        if self._books is None:
            raise InternalError(f"{self.name}: used before it began or after its end")
        return self._books

    @property
    def stamp(self) -> int:
        """Its ticket; the smaller is the older."""
        return self.books.stamp

    @property
    def holds(self) -> bool:
        """Whether it has any lock, and so something that an older one may wait for."""
        return bool(self.books.held)

    async def __aenter__(self) -> Self:
        self._books = await self._cls.draw(self.name)
        self._cls.books.begin(self._books)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cls.books.end(self.books)
        self._books = None

    def set_wounded(self, *, wounded: bool) -> None:
        """An older transaction wants what this one has, or has got it."""
        self.books.wounded = wounded
        share(f"{self.name} wounded", wounded)

    def done(self) -> None:
        """It has all the locks it wants; one more is a finding."""
        self._cls.books.done(self.books)


class WwGuard(Generic[T]):
    """The right to use the data of one :class:`WwMutex`, until it is unlocked; ``with`` it, or call ``unlock``.

    Attributes:
        held: it was not unlocked yet.
    """

    __slots__ = ("_context", "_mutex", "held")

    def __init__(self, mutex: "WwMutex[T]", context: WwContext | None) -> None:
        self.held = True
        self._mutex = mutex
        self._context = context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    @property
    def data(self) -> T:
        """What the lock guards.

        Raises:
            InternalError: the lock was let go of.
        """
        self.check()
        return self._mutex._data  # noqa: SLF001  guard and mutex are one

    def check(self) -> None:
        """The lock must be held through this guard.

        Raises:
            InternalError: it was let go of.
        """
        if not self.held:
            raise InternalError(f"{self._mutex.name}: used through a guard that does not hold the lock")

    def unlock(self) -> None:
        """Let the lock go; does nothing the second time."""
        if self.held:
            self.held = False
            self._mutex._unlock(self._context)  # noqa: SLF001


@dataclass(slots=True, eq=False)
class _Waiter:
    """One place in the line; with a sleeper list of its own, as each may go on for another reason."""

    context: WwContext | None
    sleepers: Sleepers = field(default_factory=partial(Sleepers, in_turn=False))


class WwMutex(Generic[T]):
    """A mutex that transactions may take in any order.

    Those who wait with a transaction stand in line by age, those without in the order in which they came, and whoever
    comes first in line has the lock next. Taking part in the line is an operation, so that an explorer sees it.

    Args:
        cls: its class.
        lock: for the validator.
        data: what it guards; it names its state as :mod:`.guarded` says.
    """

    __slots__ = ("_arrive", "_cls", "_data", "_held", "_line", "_map", "_owner", "name")

    def __init__(self, cls: WwClass, lock: LockMap, data: T) -> None:
        self.name = lock.instance
        self._cls = cls
        self._data = data
        self._held = False
        self._map = lock
        self._owner: WwContext | None = None
        self._line: list[_Waiter] = []
        # A wait, and no acquire: what comes of it depends on who holds the lock, which is more than lock and unlock.
        self._arrive = Operation(Kind.WAIT, lock.instance)

    def __repr__(self) -> str:
        return f"<WwMutex {self.name} {'held' if self._held else 'free'}, {len(self._line)} waiting>"

    @property
    def held(self) -> bool:
        """Whether somebody has it."""
        return self._held

    async def lock(self, context: WwContext | None = None) -> WwGuard[T]:
        """Take it.

        Args:
            context: the transaction; without one it is an ordinary mutex, of which a task may hold one of the class.

        Raises:
            EALREADY: this transaction has it.
            EDEADLK: the transaction has to give way: unlock all it holds, then :meth:`lock_slow` this one.
            EINVAL: a transaction of another class.
        """
        if context is not None:
            self._check_class(context)
            if self._map in context.books.held:
                raise EALREADY(f"{self.name}: locked twice with {context.name}")
        return await self._acquire(context)

    async def lock_slow(self, context: WwContext) -> WwGuard[T]:
        """Take the lock that the transaction backed off from; holding nothing, it need not back off again.

        Raises:
            EINVAL: a transaction of another class.
        """
        self._check_class(context)
        self._cls.books.slow(self._map, context.books)
        return await self._acquire(context)

    async def try_lock(self) -> WwGuard[T] | None:
        """Take it if that is possible at once; None if it is taken or others wait for it. For reclaim."""
        await point(self._arrive)
        got = not self._held and not self._line
        touch(self.name)
        observe_guarded(got)
        if not got:
            return None
        self._cls.lockdep.acquire(self._map, trylock=True)
        self._cls.books.got(self._map, None)
        return self._granted(None)

    def _check_class(self, context: WwContext) -> None:
        if context._cls is not self._cls:  # noqa: SLF001  class, mutex and context are one
            raise EINVAL(f"{self.name}: locked with {context!r}", expected=f"a transaction of {self._cls.name}")

    async def _acquire(self, context: WwContext | None) -> WwGuard[T]:
        books, mine = self._cls.books, context.books if context is not None else None
        books.ask(self._map, mine)
        if context is not None and not context.holds:
            context.set_wounded(wounded=False)
        try:
            await point(self._arrive)
            got = (not self._held and not self._line) or await self._stand_in_line(context)
            touch(self.name)
            observe_guarded(got)
        except BaseException:
            books.gave_up(self._map)
            raise
        if not got:
            return self._back_off(context)
        books.got(self._map, mine)
        return self._granted(context)

    def _back_off(self, context: WwContext | None) -> WwGuard[T]:
        if context is None:
            raise InternalError(f"{self.name}: somebody without a transaction was told to back off")
        self._cls.books.gave_up(self._map, context.books)
        context.contended = self
        raise EDEADLK(f"{self.name}: {context.name} gives way", hint="unlock everything, then lock_slow this one")

    async def _stand_in_line(self, context: WwContext | None) -> bool:
        """Wait for the lock; False if the transaction has to give way first."""
        self._cls.lockdep.contended(self._map)
        waiter = _Waiter(context)
        self._line.insert(self._place(context), waiter)
        if context is not None:
            context.blocked_on = self
        try:
            self._wound_owner(context)
            self._changed()
            await point(Operation(Kind.WAIT, self.name, partial(self._may_go_on, waiter), waiter.sleepers))
            return self._has_turn(waiter)
        finally:
            if context is not None:
                context.blocked_on = None
            self._line.remove(waiter)
            self._changed()

    def _place(self, context: WwContext | None) -> int:
        """In front of the oldest younger transaction; whoever has none is overtaken by nobody behind him."""
        place = len(self._line)
        if context is None:
            return place
        for index in range(len(self._line) - 1, -1, -1):
            other = self._line[index].context
            if other is not None:
                if other.stamp < context.stamp:
                    break
                place = index
        return place

    def _may_go_on(self, waiter: _Waiter) -> bool:
        return self._has_turn(waiter) or self._must_give_way(waiter)

    def _has_turn(self, waiter: _Waiter) -> bool:
        return not self._held and self._line[0] is waiter

    def _must_give_way(self, waiter: _Waiter) -> bool:
        """A transaction that holds nothing never has to: nobody waits for it."""
        context = waiter.context
        if context is None or not context.holds:
            return False
        if self._cls.algorithm is Algorithm.WOUND_WAIT:
            return context.books.wounded
        if self._owner is not None and self._owner.stamp < context.stamp:
            return True
        ahead = self._line[: self._line.index(waiter)]
        return any(other.context is not None for other in ahead)

    def _wound_owner(self, asking: WwContext | None) -> None:
        """Wound-wait: an older transaction wants what the owner has, who gives way as soon as it waits itself."""
        owner = self._owner
        if self._cls.algorithm is not Algorithm.WOUND_WAIT or asking is None or owner is None:
            return
        if asking.stamp < owner.stamp:
            owner.set_wounded(wounded=True)
            if owner.blocked_on is not None:
                owner.blocked_on._changed()  # noqa: SLF001

    def _granted(self, context: WwContext | None) -> WwGuard[T]:
        self._held = True
        self._owner = context
        if context is not None:
            context.contended = None
        self._changed()
        if naming() is not None:
            observe_guarded(state_of(self._data))
        return WwGuard(self, context)

    def _unlock(self, context: WwContext | None) -> None:
        self._cls.books.unlock(self._map, context.books if context is not None else None)
        self._held = False
        self._owner = None
        self._changed()

    def _changed(self) -> None:
        """Owner or line are others now: whoever may go on by that is woken."""
        if naming() is not None:
            share(self.name, self._name_state)
        for waiter in self._line:
            if self._may_go_on(waiter):
                waiter.sleepers.wake_all()

    def _name_state(self) -> Hashable:
        line = tuple(waiter.context.stamp if waiter.context is not None else None for waiter in self._line)
        owner = self._owner.stamp if self._owner is not None else None
        return self._held, owner, line, state_of(self._data)
