"""Reservation objects: the lock of a buffer, and the fences of everything that still uses it.

To add a fence one holds the lock and has reserved a slot before; reserving may allocate and fail, adding does neither,
as the fence is public by then (lockdep.md 3.4). Looking at the fences takes no lock. Who uses the buffer how:

======== =================================================================================
KERNEL   memory management: moving or clearing it; everybody waits for these
WRITE    work that writes to it; other work waits for these
READ     work that reads it; work that writes waits for these too
BOOKKEEP page tables, preemption: only who takes the memory away waits for these
======== =================================================================================
"""

from dataclasses import dataclass, field
from enum import IntEnum
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio

from nova_async.errors import EINVAL
from nova_async.kernel.dma_fence import DmaFence
from nova_async.kernel.memory import HostMemory
from nova_async.kernel.ww_mutex import WwClass, WwContext, WwGuard
from nova_async.lockdep import Gfp
from nova_async.operation import Kind, Operation
from nova_async.point import observe_guarded, point, share, touch

T = TypeVar("T")


class Usage(IntEnum):
    """What a fence is about; who asks for one usage gets those before it as well (``enum dma_resv_usage``)."""

    KERNEL = 0
    WRITE = 1
    READ = 2
    BOOKKEEP = 3


@dataclass(slots=True)
class _Fences:
    """The fences of one buffer, and how many more may be added under the present lock."""

    added: list[tuple[DmaFence, Usage]] = field(default_factory=list)
    reserved: int = 0

    def pending(self, usage: Usage) -> tuple[DmaFence, ...]:
        return tuple(fence for fence, use in self.added if use <= usage and not fence.signalled)


class DmaResv(Generic[T]):
    """One buffer's reservation object, which also guards what is said about the buffer.

    Args:
        cls: the wound/wait class of all of them.
        memory: where slots come from.
        name: of the buffer.
        data: what the lock guards besides the fences.
    """

    def __init__(self, cls: WwClass, memory: HostMemory, name: str, data: T) -> None:
        self.name = name
        self._memory = memory
        self._fences = _Fences()
        self._mutex = cls.mutex(name, data)
        self._look = Operation(Kind.READ, f"{name} fences")
        self._add = Operation(Kind.WRITE, f"{name} fences")

    def __repr__(self) -> str:
        return f"<DmaResv {self.name}, {len(self._fences.pending(Usage.BOOKKEEP))} fences pending>"

    @property
    def held(self) -> bool:
        """Whether somebody has locked it."""
        return self._mutex.held

    async def lock(self, context: WwContext | None = None) -> "ResvGuard[T]":
        """Lock it, see :meth:`WwMutex.lock`.

        Raises:
            EALREADY, EDEADLK, EINVAL: as there.
        """
        return ResvGuard(self, await self._mutex.lock(context))

    async def lock_slow(self, context: WwContext) -> "ResvGuard[T]":
        """Lock the one that the transaction backed off from, see :meth:`WwMutex.lock_slow`.

        Raises:
            EINVAL: as there.
        """
        return ResvGuard(self, await self._mutex.lock_slow(context))

    async def try_lock(self) -> "ResvGuard[T] | None":
        """Lock it if it is free: the only way in reclaim, which may be there because of who holds it."""
        guard = await self._mutex.try_lock()
        return ResvGuard(self, guard) if guard is not None else None

    async def fences(self, usage: Usage) -> tuple[DmaFence, ...]:
        """The fences up to ``usage`` that have not signalled, the oldest first. Needs no lock."""
        await point(self._look)
        pending = self._fences.pending(usage)
        touch(self._add.resource)
        observe_guarded(tuple(fence.name for fence in pending))
        return pending

    async def wait(self, usage: Usage) -> None:
        """Wait for all fences up to ``usage`` that are there now. Needs no lock; look at their errors yourself."""
        for fence in await self.fences(usage):
            await fence.wait()

    async def _reserve(self, slots: int) -> None:
        await self._memory.alloc(Gfp.KERNEL, f"{self.name}: fence slots")
        self._fences.added = [(fence, use) for fence, use in self._fences.added if not fence.signalled]
        self._fences.reserved = max(self._fences.reserved, slots)

    async def _add_fence(self, fence: DmaFence, usage: Usage) -> None:
        if not self._fences.reserved:
            raise EINVAL(f"{self.name}: {fence!r} is added", expected="a slot reserved under this lock")
        with anyio.CancelScope(shield=True):
            await point(self._add)
        fence.publish()  # whoever looks at the buffer sees it
        self._fences.reserved -= 1
        self._fences.added.append((fence, usage))
        share(self._add.resource, self._names)

    def _names(self) -> tuple[tuple[str, int], ...]:
        return tuple((fence.name, int(use)) for fence, use in self._fences.added)

    def _unlocked(self) -> None:
        self._fences.reserved = 0  # as the kernel's debug builds do, so that nobody counts on slots of another lock


class ResvGuard(Generic[T]):
    """The right to add fences and to use the data, until it is unlocked; ``with`` it, or call ``unlock``."""

    __slots__ = ("_guard", "_resv")

    def __init__(self, resv: DmaResv[T], guard: WwGuard[T]) -> None:
        self._resv = resv
        self._guard = guard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    @property
    def data(self) -> T:
        """What the lock guards besides the fences.

        Raises:
            InternalError: the lock was let go of.
        """
        return self._guard.data

    async def reserve_fences(self, slots: int = 1) -> None:
        """Make room for so many fences, which can then be added under this hold of the lock without fail.

        Raises:
            InternalError: the lock was let go of.
            ENOMEM: no host memory.
        """
        self._guard.check()
        await self._resv._reserve(slots)  # noqa: SLF001  guard and reservation are one

    async def add_fence(self, fence: DmaFence, usage: Usage) -> None:
        """Add a fence; a cancellation does not stop it, as whoever looks at the buffer counts on it.

        Raises:
            InternalError: the lock was let go of.
            EINVAL: there is no reserved slot.
        """
        self._guard.check()
        await self._resv._add_fence(fence, usage)  # noqa: SLF001

    def unlock(self) -> None:
        """Let the lock go; does nothing the second time."""
        if self._guard.held:
            self._resv._unlocked()  # noqa: SLF001
            self._guard.unlock()
