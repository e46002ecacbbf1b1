"""The validator: everything a task tells it, besides its locks."""

from collections.abc import Hashable
from contextlib import AbstractContextManager

from nova_async.lockdep.books import LockBooks
from nova_async.lockdep.classes import LockMap, Mode, WaitType
from nova_async.lockdep.contexts import Holding, InScope, Signalling
from nova_async.lockdep.gfp import Gfp, Scope, effect, mask_name
from nova_async.lockdep.held import HeldStack
from nova_async.lockdep.telling import Scene

# What a chain keeps in `safe`, besides the effects of allocations.
_WAIT = 8


class Validator(LockBooks):
    """A lock validator for tasks of any kind.

    It goes on after a finding; a finding whose identity is known is not told again.
    """

    enabled = True

    # Where the task is

    @property
    def in_signalling(self) -> bool:
        """Whether the task is inside a fence-signalling section."""
        stack = self._stacks.get(self._current())
        return stack is not None and stack.chain.section

    def signalling(self) -> AbstractContextManager[None]:
        """A fence-signalling section; inside another it is nothing."""
        return Signalling(self, self.contexts.fence)

    def reclaim(self, *, memalloc: bool = True) -> AbstractContextManager[None]:
        """Code that direct reclaim runs (shrinkers): fs_reclaim is held, and allocations use the reserves.

        Args:
            memalloc: False leaves PF_MEMALLOC out, so that an allocation inside is judged as well.
        """
        return Holding(self, self.contexts.reclaim, memalloc=memalloc)

    def notifier(self) -> AbstractContextManager[None]:
        """An MMU notifier callback."""
        return Holding(self, self.contexts.notifier)

    def context(self, lock: LockMap) -> AbstractContextManager[None]:
        """Code that runs with a pseudo-lock held: an interrupt, a work function."""
        return Holding(self, lock)

    def scope(self, scope: Scope) -> AbstractContextManager[None]:
        """Allocations inside do without IO, FS or reclaim."""
        return InScope(self, scope)

    def enter_scope(self, scope: Scope) -> int:
        """Give up ``scope``; the bits that this call set, for :meth:`leave_scope`."""
        task = self._current()
        stack = self._stacks.get(task)
        if stack is None:
            stack = self._stacks[task] = HeldStack(self._root)
        new = int(scope) & ~stack.scopes
        stack.scopes |= new
        return new

    def leave_scope(self, bits: int) -> None:
        """Take back what :meth:`enter_scope` set."""
        task = self._current()
        stack = self._stacks.get(task)
        if stack is not None:
            stack.scopes &= ~bits
            self._tidy(task, stack)

    # What the task does

    def might_alloc(self, gfp: Gfp, what: str = "") -> None:
        """An allocation; call it always, not only when memory is short.

        Args:
            gfp: its mask; the scopes of the task are taken off here.
            what: is allocated, for the message.
        """
        task = self._current()
        stack = self._stacks.get(task)
        if stack is None:
            return
        kind = effect(int(gfp), stack.scopes)
        if not kind & ~stack.chain.safe:
            return
        said = f"allocates {what or 'memory'} with {mask_name(int(gfp))}"
        if self._rules.allocation(Scene(task, stack, self._capture()), kind, said):
            stack.chain.safe |= kind

    def might_wait(self, what: str = "") -> None:
        """A wait for a DMA fence, any."""
        task = self._current()
        stack = self._stacks.get(task)
        if stack is None or stack.chain.safe & _WAIT:
            return
        said = f"waits for {what or 'a fence'}"
        if self._rules.wait(Scene(task, stack, self._capture()), said):
            stack.chain.safe |= _WAIT

    def might_sleep(self, what: str = "") -> None:
        """A suspension point that is neither a lock nor a fence."""
        task = self._current()
        stack = self._stacks.get(task)
        if stack is not None and stack.chain.inner < WaitType.SLEEP:
            self._rules.sleep(Scene(task, stack, self._capture()), what or "this point")

    # Ends and promises

    def task_ended(self, task: Hashable | None = None) -> None:
        """A task is over; what it still holds is a finding, and then forgotten."""
        task = self._current() if task is None else task
        stack = self._stacks.get(task)
        if stack is not None and stack.entries:
            self._misuse.ended(Scene(task, stack, ()))
        self.forget(task)

    def forget(self, task: Hashable | None = None) -> None:
        """Drop what is known about a task, without a word."""
        task = self._current() if task is None else task
        self._waiting.pop(task, None)
        stack = self._stacks.pop(task, None)
        for entry in stack.entries if stack is not None else ():
            entry.lock.holders -= 1

    def destroy(self, lock: LockMap) -> None:
        """The memory that ``lock`` lives in is freed."""
        if lock.holders:
            self._misuse.gone(self._scene(), lock, "frees")

    def reinit(self, lock: LockMap) -> None:
        """``lock`` is initialised again."""
        if lock.holders:
            self._misuse.gone(self._scene(), lock, "initialises")

    def assert_held(self, lock: LockMap, mode: Mode | None = None) -> None:
        """The caller must hold ``lock``; None accepts every mode, a read mode either way of reading."""
        stack = self._stacks.get(self._current())
        if mode is not None or stack is None or stack.find(lock) is None:
            self._misuse.assert_held(self._scene(), lock, mode)

    def misused(self, message: str, lock: LockMap) -> None:
        """A protocol built on locks was broken (NOVA103); ``message`` goes on after the name of the task."""
        self._misuse.bad(self._scene(), message, lock)

    def pin(self, lock: LockMap) -> int:
        """Forbid the release of ``lock``; the cookie that allows it again."""
        return self._misuse.pin(self._scene(), lock)

    def unpin(self, lock: LockMap, cookie: int) -> None:
        """Allow the release again."""
        self._misuse.unpin(self._scene(), lock, cookie)
