"""Reclaim, MMU notifiers and DMA fences as pseudo-locks in the one graph (lockdep.md 2.1, 2.5, 3.1, 3.2).

A context is a lock that is held while code runs in it; waiting for the context is taking that lock. Then "reclaim may
wait for a fence" is an edge like any other, and one search finds every rule of section 3.2.
"""

from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING

from nova_async.lockdep.classes import ClassTable, Declaration, LockClass, LockMap, Mode, Role, WaitType
from nova_async.lockdep.gfp import Scope
from nova_async.lockdep.graph import Cycle, EdgeWitness, Graph, kind_of

if TYPE_CHECKING:
    from nova_async.lockdep.validator import Validator

PSEUDO = Declaration(wait=WaitType.NONE)

_FROM_THE_START = EdgeWitness("", (), (), "the kernel's order, known from the start (dma_resv_lockdep)")
_DECLARED = EdgeWitness("", (), (), "declared as a lock of the fence-signalling path")
_EXCLUSIVE = kind_of(Mode.EXCLUSIVE, Mode.EXCLUSIVE)
_UNDER_A_READER = kind_of(Mode.READ, Mode.EXCLUSIVE)

# What a path is about, by the edges on it; the highest colour names it.
PLAIN = 0
RECLAIM_PATH = 1
"""Through a lock that code run by reclaim or by a notifier takes."""
ALLOCATION_PATH = 2
"""Into the fence from reclaim, a notifier or a reservation, which may wait for any fence."""
WAIT_PATH = 3
"""Into the fence from a lock held around a wait."""
EVENT_PATH = 4
"""Through an event that somebody waits for under a lock (:mod:`.waits`); in no graph."""


def colour(held: LockClass, taken: LockClass) -> int:
    """What an edge makes the paths over it about."""
    if taken.role is Role.FENCE:
        return ALLOCATION_PATH if held.role is not Role.LOCK or held.primed else WAIT_PATH
    if held.role in (Role.RECLAIM, Role.NOTIFIER) and taken.role is Role.LOCK:
        return RECLAIM_PATH
    return PLAIN


def about(cycle: Cycle) -> int:
    """The highest colour on a cycle."""
    return max(link.edge.colour for link in cycle)


class Contexts:
    """The pseudo-locks, and the kernel's order between them, known before anything ran.

    Attributes:
        reclaim: held while reclaim runs; taken by an allocation that may reclaim.
        notifier: held while MMU notifiers run.
        fence: read-held inside a signalling section, taken exclusively by who waits for any fence.
    """

    def __init__(self, table: ClassTable, graph: Graph) -> None:
        self._graph = graph
        mmap, resv = (table.prime(name)[0] for name in ("mmap_lock", "dma_resv"))
        self.reclaim = _pseudo(table, "fs_reclaim", PSEUDO, Role.RECLAIM)
        self.notifier = _pseudo(table, "mmu_notifier", PSEUDO, Role.NOTIFIER)
        self.fence = _pseudo(table, "dma_fence", PSEUDO, Role.FENCE)
        self._order = [mmap, resv, self.reclaim.cls, self.notifier.cls, self.fence.cls]
        for held, taken in pairwise(self._order):
            graph.add(held, taken, _EXCLUSIVE, _FROM_THE_START, colour(held, taken))

    def named(self, name: str) -> LockMap | None:
        """The pseudo-lock of that class."""
        return next((lock for lock in (self.reclaim, self.notifier, self.fence) if lock.cls.name == name), None)

    def ordered(self, held: LockClass, taken: LockClass) -> bool:
        """Whether the kernel's own order has ``held`` outside ``taken``, so that seeing it is no news."""
        return held.index < taken.index < len(self._order)

    def declare_fence_path(self, cls: LockClass) -> None:
        """Learn that ``cls`` is taken inside signalling sections, before any such code ran."""
        self._graph.add(self.fence.cls, cls, _UNDER_A_READER, _DECLARED, colour(self.fence.cls, cls))


def _pseudo(table: ClassTable, name: str, declared: Declaration, role: Role) -> LockMap:
    return LockMap(table.declare(name, declared, role), name)


class Holding:
    """Holds a pseudo-lock for the body of a ``with``.

    Args:
        memalloc: whether allocations in the body use the reserves instead of reclaiming (PF_MEMALLOC).
    """

    __slots__ = ("_lock", "_memalloc", "_validator")

    def __init__(self, validator: "Validator", lock: LockMap, *, memalloc: bool = False) -> None:
        self._validator = validator
        self._lock = lock
        self._memalloc = InScope(validator, Scope.NORECLAIM if memalloc else Scope(0))

    def __enter__(self) -> None:
        self._validator.acquire(self._lock)
        self._memalloc.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memalloc.__exit__(kind, error, trace)
        self._validator.release(self._lock)


class Signalling:
    """A fence-signalling section for the body of a ``with``.

    Opening it never blocks, so it is a successful trylock of the read side: nothing is recorded *into* the section,
    everything taken inside is recorded from it (lockdep.md 3.1, the form of Linux 7.2). Nested sections are one.
    """

    __slots__ = ("_lock", "_nested", "_validator")

    def __init__(self, validator: "Validator", lock: LockMap) -> None:
        self._validator = validator
        self._lock = lock
        self._nested = False

    def __enter__(self) -> None:
        self._nested = self._validator.in_signalling
        if not self._nested:
            self._validator.acquire(self._lock, Mode.READ, trylock=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._nested:
            self._validator.release(self._lock)


class InScope:
    """Gives up IO, FS or reclaim for all allocations of the task in the body of a ``with``."""

    __slots__ = ("_scope", "_set", "_validator")

    def __init__(self, validator: "Validator", scope: Scope) -> None:
        self._validator = validator
        self._scope = scope
        self._set = 0

    def __enter__(self) -> None:
        if self._scope:
            self._set = self._validator.enter_scope(self._scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._set:
            self._validator.leave_scope(self._set)
