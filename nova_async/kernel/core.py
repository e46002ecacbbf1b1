"""One kernel: the validator, host memory and what goes wrong, handed to everything that takes locks."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

from nova_async.kernel.dma_fence import DmaFence
from nova_async.kernel.dma_resv import DmaResv
from nova_async.kernel.faults import FaultPlan
from nova_async.kernel.guarded import StateOf, state_of
from nova_async.kernel.memory import HostMemory
from nova_async.kernel.mutex import Mutex
from nova_async.kernel.reclaim import Reclaim
from nova_async.kernel.spinlock import SpinLock
from nova_async.kernel.ww_mutex import WwClass
from nova_async.lockdep import Graph, Validator, WaitType
from nova_async.operation import Access
from nova_async.point import share

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LockRow:
    """One row of a driver's lock table.

    Attributes:
        name: the lock class.
        order: its place; a lock is taken only under locks of a lower or equal order.
        guards: what is reachable only under it.
        taken_by: who takes it.
        fence_path: it is taken in the fence-signalling path.
        reclaim_under: a reclaimable allocation may happen under it.
        spins: it is a spinlock.
    """

    name: str
    order: int
    guards: str
    taken_by: str
    fence_path: bool
    reclaim_under: bool
    spins: bool = False


class Kernel:
    """What every part of the driver leans on.

    Args:
        lockdep: the validator of all locks made here.
        faults: what goes wrong on purpose; nothing by default.

    Attributes:
        reservations: the wound/wait class of all buffers (``reservation_ww_class``).
    """

    def __init__(self, lockdep: Validator, faults: FaultPlan | None = None) -> None:
        self.lockdep = lockdep
        lockdep.graph.changed = _tell_dependencies
        self.faults = faults or FaultPlan()
        self.reclaim = Reclaim(lockdep)
        self.memory = HostMemory(lockdep, self.reclaim, self.faults)
        self.reservations = WwClass(lockdep, "dma_resv")

    def mutex(
        self, row: LockRow, data: T, instance: str = "", *, state: StateOf[T] = state_of, told: bool = True
    ) -> Mutex[T]:
        """A mutex of the class that ``row`` declares; for ``state`` and ``told`` see :class:`Mutex`."""
        lock = self.lockdep.lock(
            row.name,
            instance=instance or row.name,
            fence_path=row.fence_path,
            no_reclaim=not row.reclaim_under,
            rank=row.order,
        )
        return Mutex(self.lockdep, lock, data, state=state, told=told)

    def private_mutex(self, name: str, data: T, instance: str = "") -> Mutex[T]:
        """A mutex outside the table, of a class learned from what happens."""
        return Mutex(self.lockdep, self.lockdep.lock(name, instance=instance or name), data)

    def spinlock(self, row: LockRow, data: T, instance: str = "", *, state: StateOf[T] = state_of) -> SpinLock[T]:
        """A spinlock of the class that ``row`` declares; for ``state`` see :class:`Mutex`."""
        lock = self.lockdep.lock(
            row.name, instance=instance or row.name, wait=WaitType.SPIN, fence_path=row.fence_path, rank=row.order
        )
        return SpinLock(self.lockdep, lock, data, state=state)

    def fence(self, name: str) -> DmaFence:
        """A fence that nobody has promised anything with yet."""
        return DmaFence(self.lockdep, name)

    def resv(self, name: str, data: T) -> DmaResv[T]:
        """The reservation of a buffer, which also guards ``data``."""
        return DmaResv(self.reservations, self.memory, name, data)


def _tell_dependencies(graph: Graph) -> None:
    """One half of an inversion may lie in the past of a state and the other in its future, so it tells states apart."""
    share("lock dependencies", lambda: _name_dependencies(graph), Access.ADD)


def _name_dependencies(graph: Graph) -> Hashable:
    return frozenset((edge.held.name, edge.taken.name, edge.kinds) for edge in graph.edges())
