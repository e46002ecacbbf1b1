"""The books on who holds what, and the hot path past the rules.

The rules live in :mod:`.rules`; here is only what happens on every acquisition. A chain of classes that was judged
before is found in one dictionary look-up, and costs nothing else.
"""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from nova_async.findings import Finding, Witness
from nova_async.lockdep.classes import (
    NEST_STEP,
    TRYLOCK_STEP,
    ClassTable,
    Declaration,
    InstanceOrder,
    LockClass,
    LockMap,
    Mode,
    Role,
    WaitType,
)
from nova_async.lockdep.contexts import Contexts
from nova_async.lockdep.fences import FencePromises
from nova_async.lockdep.graph import Graph
from nova_async.lockdep.held import Chain, Entry, Held, HeldStack
from nova_async.lockdep.joins import Join
from nova_async.lockdep.listener import LockListener
from nova_async.lockdep.lock_stat import LockStat
from nova_async.lockdep.misuse import Misuse
from nova_async.lockdep.places import LOOPS, SKIPPED, FramePlaces, Places
from nova_async.lockdep.rules import Rules
from nova_async.lockdep.telling import Scene, Teller
from nova_async.lockdep.waits import Waits


class Tasks(Protocol):
    """Who runs."""

    def current(self) -> Hashable:
        """The task that calls."""
        ...

    def name(self, task: Hashable) -> str:
        """Its role name, the same in every schedule."""
        ...


class LockBooks:
    """Locks being taken and released, and what was found.

    Args:
        tasks: who runs.
        now: a clock in ns for :attr:`stat`; None keeps no statistics.
        skip: path fragments of frames that say nothing about whose fault it is.
        loops: path fragments of frames that run the tasks.
        places: how places are remembered; the Python stack if None.
        on_finding: called with each new finding.

    Attributes:
        findings: in order found, each identity once.
        graph: every class, and every order seen.
        contexts: the pseudo-locks of reclaim, notifiers and fences.
        resolve: turns a place that a witness remembers into files and lines.
        stat: who waited for what, and held it for how long; None without a clock.
        listener: is told of what happens to locks, if anybody is.
    """

    def __init__(
        self,
        tasks: Tasks,
        now: Callable[[], int] | None = None,
        *,
        skip: tuple[str, ...] = SKIPPED,
        loops: tuple[str, ...] = LOOPS,
        places: Places | None = None,
        on_finding: Callable[[Finding], None] | None = None,
    ) -> None:
        self.findings: list[Finding] = []
        self.graph = Graph()
        self._told: set[tuple[str, ...]] = set()
        self._on_finding = on_finding
        self._current = tasks.current
        places = places or FramePlaces(skip, loops)
        self._capture = places.capture
        self.resolve = places.resolve
        self._root = Chain.root()
        self._stacks: dict[Hashable, HeldStack] = {}
        self._waiting: dict[Hashable, LockMap] = {}
        self._classes = ClassTable(self._born)
        self._name = tasks.name
        self._waits: Waits | None = None
        self._joins: dict[Hashable, Join] = {}
        self.contexts = Contexts(self._classes, self.graph)
        self.stat = LockStat(now, places, tasks.name) if now is not None else None
        self.listener: LockListener | None = None
        self._tell = Teller(places, tasks.name, self.report)
        self._rules = Rules(self.graph, self.contexts, self._tell)
        self._misuse = Misuse(self._stacks, self._waiting, self._tell)
        self._fences = FencePromises(self._tell, self._root)

    def report(self, finding: Finding) -> None:
        """Keep a finding, unless its like is known."""
        if finding.identity in self._told:
            return
        self._told.add(finding.identity)
        self.findings.append(finding)
        if self._on_finding is not None:
            self._on_finding(finding)
        if self.listener is not None:
            self.listener.found(finding)

    # Locks

    def lock(
        self,
        name: str,
        instance: str = "",
        *,
        wait: WaitType = WaitType.SLEEP,
        fence_path: bool = False,
        no_reclaim: bool = False,
        rank: int | None = None,
        validate: bool = True,
        order: InstanceOrder | None = None,
        owned: bool = True,
        tag: Any = None,
    ) -> LockMap:
        """Declare a lock of class ``name``.

        Args:
            name: of the class; the same name is the same class.
            instance: as printed; the class name if empty.
            wait: what it needs of the code around it.
            fence_path: it is taken on the way to signalling a fence, so everything that may not be done
                inside a signalling section may not be done under it.
            no_reclaim: no allocation under it may reclaim.
            rank: its place in the declared order of locks, lower first.
            validate: False leaves it in the books and out of all rules.
            order: compares (held, wanted) instances; negative if this order is right.
            owned: False for a lock that any task may release, and that may outlive the task that took it.
            tag: for ``order`` to look at.

        Raises:
            EINVAL: the class was declared before with other properties.
        """
        declared = Declaration(wait, fence_path, no_reclaim, rank, validate, order, owned)
        return LockMap(self._classes.declare(name, declared), instance or name, tag)

    def _born(self, cls: LockClass) -> None:
        self.graph.add_class(cls)
        if cls.fence_path:
            self.contexts.declare_fence_path(cls)

    def acquire(
        self,
        lock: LockMap,
        mode: Mode = Mode.EXCLUSIVE,
        *,
        trylock: bool = False,
        subclass: int = 0,
        nest: LockMap | None = None,
    ) -> None:
        """The task is about to take ``lock``: call it before it may block.

        Args:
            lock: the lock; it is on the held stack from now on, also if a finding is made.
            mode: exclusive or one of the two kinds of reading.
            trylock: it was a trylock, and it succeeded.
            subclass: 0 to 7; each is a class of its own.
            nest: any number of this class may be held as long as this one is.
        """
        task = self._current()
        stack = self._stacks.get(task)
        if stack is None:
            stack = self._stacks[task] = HeldStack(self._root)
        cls = self._classes.subclass(lock, subclass) if subclass else lock.cls
        step = cls.base + mode
        if trylock:
            step += TRYLOCK_STEP
        chain = stack.chain
        entry = Entry(lock, cls, step, chain, self._capture())
        if nest is not None or cls.order is not None:
            after = self._judge_instance(task, stack, entry, nest)
        else:
            after = chain.next.get(step) or self._judge(task, stack, entry)
        stack.chain = after
        stack.entries.append(entry)
        lock.holders += 1
        if self.stat is not None:
            self.stat.asked(entry)
        if self._waits is not None:
            self._waits.took(task, entry)
        if self.listener is not None:
            self.listener.asked(entry)

    def _judge(self, task: Hashable, stack: HeldStack, entry: Entry, nest: LockMap | None = None) -> Chain:
        clean = self._rules.acquisition(Scene(task, stack, entry.where), entry, nest)
        return stack.chain.judged(entry.step, entry.cls, clean=clean)

    def _judge_instance(self, task: Hashable, stack: HeldStack, entry: Entry, nest: LockMap | None) -> Chain:
        """Rules about instances have no place in a cache of classes (lockdep.md X84)."""
        scene = Scene(task, stack, entry.where)
        self._rules.instance_order(scene, entry)
        if nest is not None and self._rules.nest(scene, entry, nest):
            entry.step += NEST_STEP
            if entry.step == stack.chain.step:
                return stack.chain  # a thousand of one class under one lock are one step
        return stack.chain.next.get(entry.step) or self._judge(task, stack, entry, nest)

    def contended(self, lock: LockMap) -> None:
        """The lock was not free: the task goes to wait for it."""
        task = self._current()
        self._waiting[task] = lock
        if self.stat is not None:
            self.stat.contended(self._stacks[task], lock)
        if self.listener is not None:
            self.listener.contended(lock)
        join = self._joins.get(task)
        if join is not None:
            join.blocked(task, lock)

    def acquired(self, lock: LockMap) -> None:
        """The task has got the lock."""
        if self.listener is not None:
            self.listener.acquired(lock)
        if lock.holders > 1:
            lock.owner = self._current()  # others have asked, and may not be waiting yet
        stat = self.stat
        if stat is None and not self._waiting:
            return
        task = self._current()
        self._waiting.pop(task, None)
        if stat is not None:
            stat.acquired(self._stacks[task], lock)

    def release(self, lock: LockMap) -> None:
        """The task lets go of ``lock``, which need not be the last it took."""
        task = self._current()
        stack = self._stacks.get(task)
        if stack is None or not stack.entries or stack.entries[-1].lock is not lock or lock.pins:
            self._release_other(task, stack, lock)
            return
        entry = stack.entries.pop()
        stack.chain = entry.before
        lock.holders -= 1
        lock.owner = None
        if self.stat is not None:
            self.stat.released(entry, task)
        if self.listener is not None:
            self.listener.released(lock, task)
        if not stack.entries and not stack.scopes:
            del self._stacks[task]

    def _release_other(self, task: Hashable, stack: HeldStack | None, lock: LockMap) -> None:
        """Out of order, pinned, or wrong."""
        scene = Scene(task, stack or HeldStack(self._root), self._capture())
        owner = self._misuse.release(scene, lock)
        if owner is None:
            return
        entry = self._drop(owner, lock)
        if self.stat is not None:
            self.stat.released(entry, owner)
        if self.listener is not None:
            self.listener.released(lock, owner)

    def _drop(self, task: Hashable, lock: LockMap) -> Entry:
        stack = self._stacks[task]
        entry = stack.find(lock)
        assert entry is not None  # noqa: S101  the caller looked
        stack.remove(entry)
        lock.holders -= 1
        if lock.owner == task:
            lock.owner = None
        self._tidy(task, stack)
        return entry

    def _tidy(self, task: Hashable, stack: HeldStack) -> None:
        if not stack.entries and not stack.scopes:
            self._stacks.pop(task, None)

    def abandon(self, lock: LockMap) -> None:
        """The acquisition was cancelled before the lock was got."""
        task = self._current()
        self._waiting.pop(task, None)
        stack = self._stacks.get(task)
        if stack is not None and stack.find(lock) is not None:
            self._drop(task, lock)
        if self.listener is not None:
            self.listener.abandoned(lock)
        if self._waits is not None:
            self._waits.gave_up(task, lock)

    def might_lock(self, lock: LockMap, mode: Mode = Mode.EXCLUSIVE) -> None:
        """Judge taking ``lock`` here, although this time nobody does (also ``lock_sync``)."""
        self.acquire(lock, mode)
        self.abandon(lock)

    def flush(self, work: LockMap) -> None:
        """Wait for a work whose function runs with ``work`` held.

        The kernel looks at the work only while it is queued or running, and so misses the flush of an idle one
        under a lock that it takes (lockdep.md X81, X96); here it counts always.
        """
        self.might_lock(work)

    def downgrade(self, lock: LockMap) -> None:
        """An exclusive hold becomes a read hold."""
        task = self._current()
        stack = self._stacks.get(task) or HeldStack(self._root)
        entry = stack.find(lock)
        if entry is None or entry.mode is not Mode.EXCLUSIVE:
            self._misuse.downgrade(Scene(task, stack, self._capture()), lock, entry)
            return
        entry.step += Mode.READ
        index = stack.entries.index(entry)
        stack.rechain(index + 1, entry.before.child(entry.step, entry.cls))

    # Looking

    def task(self) -> Hashable:
        """The task that calls."""
        return self._current()

    def name(self, task: Hashable) -> str:
        """The role name of a task."""
        return self._name(task)

    def waits_for(self, task: Hashable) -> LockMap | None:
        """The lock that a task is blocked on, if :meth:`contended` said so."""
        return self._waiting.get(task)

    def holds(self, name: str, instance: str = "") -> bool:
        """Whether the caller has, or is about to get, a lock of class ``name``; of any class or instance if empty."""
        stack = self._stacks.get(self._current())
        for entry in stack.entries if stack is not None else ():
            if name in ("", entry.cls.name) and instance in ("", entry.lock.instance):
                return True
        return False

    def held(self, task: Hashable | None = None) -> tuple[Held, ...]:
        """What a task holds or is about to get, oldest first; None for the caller."""
        task = self._current() if task is None else task
        stack = self._stacks.get(task)
        return tuple(
            Held(entry.lock, entry.mode, entry.trylock, entry.cls.name, self.resolve(entry.where), task)
            for entry in (stack.entries if stack is not None else ())
            if entry.cls.role is Role.LOCK
        )

    def situation(self, task: Hashable) -> tuple[Witness, ...]:
        """What a task holds or is about to get, and which contexts it is in, in words, oldest first."""
        stack = self._stacks.get(task)
        return self._tell.held(Scene(task, stack, ())) if stack is not None else ()

    def _scene(self) -> Scene:
        task = self._current()
        return Scene(task, self._stacks.get(task) or HeldStack(self._root), self._capture())
