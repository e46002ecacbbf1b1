"""The validator: everything a task tells it, besides its locks."""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager

from nova_async.findings import Severity
from nova_async.lockdep.books import LockBooks
from nova_async.lockdep.classes import LockMap, Mode, WaitType
from nova_async.lockdep.contexts import Holding, InScope, Signalling
from nova_async.lockdep.events import EventMap, Line, Signal
from nova_async.lockdep.gfp import Gfp, Scope, effect, mask_name
from nova_async.lockdep.graph import EdgeWitness
from nova_async.lockdep.held import Entry, HeldStack
from nova_async.lockdep.joins import Join
from nova_async.lockdep.places import Where
from nova_async.lockdep.telling import Scene
from nova_async.lockdep.waits import Waiting, Waits, event_link

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

    # Waits and events

    def follow(self, newcomer: Callable[[Hashable, Line], None] | None = None) -> None:
        """Remember from now on what each task took, because it may signal an event; see :mod:`.waits`.

        Args:
            newcomer: called with each task when it is first seen, and its history; may tell its parent.
        """
        self._waits = Waits(self.graph, self._name, self._capture, newcomer)

    def event(self, name: str, *, once: bool = False, old: bool = False) -> EventMap:
        """Declare an event of class ``name``: a completion, an item in a queue, the end of a task.

        Args:
            name: of the class, as printed.
            once: it happens once and stays; else each occurrence is used up by one who waited.
            old: it was there before all that is judged, so that every task may have known it from its begin.
        """
        return self._followed().event(self._current(), name, once=once, old=old)

    def signal(self, event: EventMap) -> Signal | None:
        """The task makes ``event`` occur: call it before anybody who waits can go on.

        Returns:
            The occurrence, for whoever is woken by it.
        """
        task = self._current()
        stack = self._stacks.get(task)
        return self._followed().signal(task, event, stack.entries if stack is not None else [])

    def waiting(self, event: EventMap, *, ends: bool = False) -> Waiting:
        """The body of this ``with`` waits for ``event``.

        Args:
            event: what is waited for.
            ends: a deadline ends the wait if nothing else does, so nobody can be stuck here.
        """
        return Waiting(self, event, ends=ends)

    def at_wait(self, what: str) -> tuple[list[Entry], Where]:
        """A wait for ``what`` begins; what is held, and where it is."""
        self.might_sleep(f"waiting for {what}")
        stack = self._stacks.get(self._current())
        held = list(stack.entries) if stack is not None else []
        return held, self._capture() if held else ()

    def woken(self, event: EventMap, signal: Signal | None, where: Where, held: list[Entry]) -> None:
        """A wait ended, for ``signal``; ``held`` was held at its begin."""
        task = self._current()
        stack = self._stacks.get(task)
        throughout = [entry for entry in held if entry in stack.entries] if stack is not None else []
        self._followed().woken(task, event, signal, where, throughout)

    def deadline(self, lock: LockMap) -> None:
        """The task, which is about to take ``lock``, will not wait for it for ever: nothing is stuck on that."""
        stack = self._stacks.get(self._current())
        entry = stack.find(lock) if stack is not None else None
        if entry is not None:
            entry.ends = True

    def heard(self) -> None:
        """The task learned of what others did, by some event that is not judged."""
        self._followed().heard(self._current())

    def settle(self) -> None:
        """Judge what takes the whole run to judge: who waited under a lock for an event that needs that lock."""
        if self._waits is None:
            return
        for suspect, cycle in self._waits.settle():
            stack = HeldStack(self._root)
            stack.entries.extend(suspect.entries)
            self._tell.cycle(cycle, Scene(suspect.task, stack, suspect.where))

    def joined(self, task: Hashable, join: Join | None) -> None:
        """The end of ``task`` is what ``join`` waits for; None: no longer."""
        if join is not None:
            self._joins[task] = join
        else:
            self._joins.pop(task, None)

    def wedged(self, waiter: Hashable, held: Entry, where: Where, task: Hashable, end: EventMap) -> None:
        """``waiter`` waits with ``held`` for the ``end`` of ``task``, and ``task`` waits for what it holds."""
        stack = self._stacks[task]
        wanted = stack.entries[-1]
        if wanted.ends:
            return
        names = self._name(waiter), self._name(task)
        waits = event_link(held.cls, end.cls, EdgeWitness(names[0], held.where, where))
        gated = event_link(end.cls, wanted.cls, EdgeWitness(names[1], (), wanted.where))
        self._tell.cycle((waits, gated), Scene(waiter, self._stacks[waiter], where), Severity.PROVED)

    def _followed(self) -> Waits:
        if self._waits is None:
            self.follow()
        assert self._waits is not None  # noqa: S101  just made
        return self._waits

    # Ends and promises

    def fence_public(self, fence: Hashable, name: str) -> None:
        """The task lets others see ``fence``: it must be signalled, whatever happens."""
        self._fences.made(fence, name, self._current(), self._capture())

    def fence_taken_on(self, fence: Hashable) -> None:
        """The task answers for a public fence: if it ends before, nobody will signal it."""
        self._fences.taken_on(fence, self._current())

    def fence_signalled(self, fence: Hashable) -> None:
        """The promise is kept."""
        self._fences.kept(fence)

    def excuse_fences(self) -> None:
        """The run is cut short: that fences are not signalled now says nothing about the program."""
        self._fences.drop()

    def settle_fences(self) -> None:
        """Everything is over: what is public and was not signalled is a finding."""
        self._fences.settle()

    def task_ended(self, task: Hashable | None = None) -> None:
        """A task is over; what it still holds is a finding, and then forgotten."""
        task = self._current() if task is None else task
        stack = self._stacks.get(task)
        if stack is not None and stack.entries:
            self._misuse.ended(Scene(task, stack, ()))
        self._fences.task_ended(task)
        if self.listener is not None:
            self.listener.task_ended(task)
        self.forget(task)

    def forget(self, task: Hashable | None = None) -> None:
        """Drop what is known about a task, without a word."""
        task = self._current() if task is None else task
        self._waiting.pop(task, None)
        if self._waits is not None:
            self._waits.ended(task)
        stack = self._stacks.pop(task, None)
        for entry in stack.entries if stack is not None else ():
            entry.lock.holders -= 1
            if entry.lock.owner == task:
                entry.lock.owner = None

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
