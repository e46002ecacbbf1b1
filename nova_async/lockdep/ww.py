"""Wound/wait mutexes: any number of one class, in any order, by transactions that back off (lockdep.md 4).

The books: a transaction's context is a pseudo-lock, and the locks taken with it nest under it, so every order is
accepted; without a context a lock is an ordinary mutex of one class.
"""

from dataclasses import dataclass, field
from enum import Enum

from nova_async.lockdep.classes import LockMap, Mode
from nova_async.lockdep.validator import Validator


class Algorithm(Enum):
    """Who gives way when two transactions want one lock."""

    WAIT_DIE = "wait-die"
    """The younger backs off from a lock of an older; ``reservation_ww_class``."""
    WOUND_WAIT = "wound-wait"
    """The older wounds the younger, which backs off at its next contended lock."""


@dataclass(slots=True, eq=False)
class AcquireContext:
    """One transaction.

    Attributes:
        stamp: taken once and kept over retries; the smaller is the older.
        held: the locks it has.
        ever_held: whether it had any since it began.
        wounded: an older transaction wants what it has.
        contended: the lock it backed off from, until it takes that first.
        done: it has all it wanted; no more locks.
        open: between begin and end.
    """

    name: str
    stamp: int
    map: LockMap
    held: list[LockMap] = field(default_factory=list)
    ever_held: bool = False
    wounded: bool = False
    contended: LockMap | None = None
    done: bool = False
    open: bool = False


def must_back_off(algorithm: Algorithm, asking: AcquireContext, owner: AcquireContext) -> bool:
    """Whether ``asking`` gets EDEADLK for a lock that ``owner`` has; else it waits.

    Under wound-wait an older asker marks the owner as wounded. A transaction that holds nothing never backs off.
    """
    if algorithm is Algorithm.WOUND_WAIT:
        if asking.stamp < owner.stamp and owner.held:
            owner.wounded = True
        return asking.wounded and bool(asking.held)
    return asking.stamp > owner.stamp and bool(asking.held)


class WoundWait:
    """The books of one wound/wait class.

    Args:
        validator: where to keep them.
        name: of the mutex class; contexts are of class ``<name>_acquire``.
    """

    def __init__(self, validator: Validator, name: str) -> None:
        self._validator = validator
        self._name = name
        self._stamps = 0
        self._any = validator.lock(name, f"any {name}")

    def lock_map(self, instance: str) -> LockMap:
        """A lock of this class."""
        return self._validator.lock(self._name, instance)

    def context(self, name: str) -> AcquireContext:
        """A transaction, not begun."""
        self._stamps += 1
        return AcquireContext(name, self._stamps, self._validator.lock(f"{self._name}_acquire", name))

    def begin(self, context: AcquireContext) -> None:
        """``ww_acquire_init``; what it will lock is known to the books at once, as since Linux 7.2."""
        self._validator.acquire(context.map)
        context.open = True
        self._validator.acquire(self._any, nest=context.map)
        self._validator.abandon(self._any)

    def lock(self, lock: LockMap, context: AcquireContext | None) -> bool:
        """Take ``lock``, which is free; False if this transaction has it already (EALREADY)."""
        if context is not None and lock in context.held:
            return False
        self.ask(lock, context)
        self.got(lock, context)
        return True

    def lock_slow(self, lock: LockMap, context: AcquireContext) -> None:
        """Take the lock that made the transaction back off, now that it holds nothing."""
        self.slow(lock, context)
        self.ask(lock, context)
        self.got(lock, context)

    def ask(self, lock: LockMap, context: AcquireContext | None) -> None:
        """About to take ``lock``: call it before it may block."""
        if context is None:
            self._validator.acquire(lock)
            return
        if context.done:
            self._validator.misused(f"locks {lock.instance} with {context.name}, which is done", lock)
        if context.contended is not None:
            self._after_back_off(lock, context.contended, context)
            context.contended = None
        self._validator.acquire(lock, Mode.EXCLUSIVE, nest=context.map)

    def slow(self, lock: LockMap, context: AcquireContext) -> None:
        """About to ask for ``lock`` on the slow path."""
        if context.held:
            held = ", ".join(other.instance for other in context.held)
            self._validator.misused(f"takes the slow path to {lock.instance} while {context.name} holds {held}", lock)
        elif not context.ever_held:
            message = f"takes the slow path to {lock.instance}, but {context.name} held nothing to back off from"
            self._validator.misused(message, lock)
        context.wounded = False

    def _after_back_off(self, lock: LockMap, contended: LockMap, context: AcquireContext) -> None:
        """The first lock after a back-off has to be the contended one, with everything else released."""
        if lock is not contended or context.held:
            message = f"locks {lock.instance}, but {context.name} backed off from {contended.instance}"
            self._validator.misused(f"{message} and has to release all it holds and take that first", lock)

    def got(self, lock: LockMap, context: AcquireContext | None) -> None:
        """The lock that was asked for is the transaction's."""
        self._validator.acquired(lock)
        if context is not None:
            context.held.append(lock)
            context.ever_held = True

    def gave_up(self, lock: LockMap, context: AcquireContext | None = None) -> None:
        """The lock that was asked for was not got; with a context, because it has to back off."""
        self._validator.abandon(lock)
        if context is not None:
            context.contended = lock

    def unlock(self, lock: LockMap, context: AcquireContext | None) -> None:
        """Let go of ``lock``."""
        if context is not None and lock in context.held:
            context.held.remove(lock)
        self._validator.release(lock)

    def done(self, context: AcquireContext) -> None:
        """``ww_acquire_done``: it has all the locks it wants."""
        if context.done:
            self._validator.misused(f"calls {context.name} done twice", context.map)
        context.done = True

    def end(self, context: AcquireContext) -> None:
        """``ww_acquire_fini``."""
        if context.held:
            held = ", ".join(other.instance for other in context.held)
            self._validator.misused(f"ends {context.name}, which still holds {held}", context.map)
        context.open = False
        self._validator.release(context.map)
