"""A GPU engine: takes jobs off its ring, one after the other, and reads and writes memory where they say; or hangs."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from nova_async.address import PAGE_SHIFT
from nova_async.errors import EFAULT, Errno
from nova_async.hw.mmu.access import Access, MmuFault
from nova_async.kernel import DmaFence
from nova_async.kernel.ring_sched import RingJob
from nova_async.mm import Gpu
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import observe_guarded, point, share, touch


@dataclass(frozen=True, slots=True)
class Touch:
    """One page that a job writes to.

    Attributes:
        pdb: the address space.
        vfn: the virtual frame.
        pfn: the frame that the job expects there; another one is somebody else's memory.
    """

    pdb: int
    vfn: int
    pfn: int


@dataclass(frozen=True, slots=True)
class EngineJob:
    """Work for an engine.

    Attributes:
        name: for reports.
        touches: what it writes to.
        hangs: it never ends.
    """

    name: str
    touches: Sequence[Touch] = ()
    hangs: bool = False

    async def cleanup(self) -> None:
        """It holds nothing: fences on the buffers keep them where they are."""


class Engine:
    """One engine, for the length of an ``async with``; the ring of a :class:`RingScheduler`.

    Args:
        gpu: whose.
        name: for reports.

    Attributes:
        done: the names of the jobs that it has executed, in order.
    """

    def __init__(self, gpu: Gpu, name: str = "engine") -> None:
        self.gpu = gpu
        self.name = name
        self.done: list[str] = []
        self._seqno = 0
        self._hung = False
        self._ring: deque[tuple[EngineJob, DmaFence]] = deque()
        self._sleepers = Sleepers(in_turn=False)
        self._fetch = Operation(Kind.WAIT, f"{name} ring", self._has_work, self._sleepers)
        self._reset = Operation(Kind.WRITE, f"{name} ring")
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run, name=self.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, trace)

    @property
    def hung(self) -> bool:
        """Whether it is in a job that never ends."""
        touch(f"{self.name} ring")
        observe_guarded(self._hung)
        return self._hung

    def push(self, job: RingJob) -> DmaFence:
        """Write a job to the ring; the fence is the engine's own."""
        if not isinstance(job, EngineJob):
            raise TypeError(f"{self.name}: {job.name} is no job for an engine")
        self._seqno += 1
        fence = self.gpu.kernel.fence(f"{self.name} hw:{self._seqno}")
        self._ring.append((job, fence))
        self._changed()
        return fence

    async def reset(self) -> None:
        """Forget what is on the ring."""
        await point(self._reset)
        self._ring.clear()
        self._hung = False
        self._changed()

    async def _run(self) -> None:
        try:
            while True:
                await point(self._fetch)
                job, fence = self._ring[0]
                touch(f"{self.name} ring")
                observe_guarded(fence.name)
                if job.hangs:
                    self._hung = True
                    self._changed()
                else:
                    self._ring.popleft()
                    self._changed()
                    await self._execute(job, fence)
        finally:
            self.gpu.kernel.lockdep.task_ended()

    async def _execute(self, job: EngineJob, fence: DmaFence) -> None:
        error = self._touch(job)
        self.done.append(job.name)
        with self.gpu.kernel.lockdep.signalling():
            await fence.signal(error)

    def _touch(self, job: EngineJob) -> Errno | None:
        """Do what the job says, as one step of the hardware."""
        for page in job.touches:
            address = page.vfn << PAGE_SHIFT
            try:
                found = self.gpu.board.mmu.translate(page.pdb, address, Access.WRITE).physical(address)
            except MmuFault as fault:
                return EFAULT(f"{job.name}: {fault}")
            if found >> PAGE_SHIFT != page.pfn:
                return EFAULT(f"{job.name}: {address:#x} is {found:#x}", expected=f"frame {page.pfn:#x}")
        return None

    def _has_work(self) -> bool:
        return bool(self._ring) and not self._hung

    def _changed(self) -> None:
        share(f"{self.name} ring", self._name_state)
        self._sleepers.wake_one()

    def _name_state(self) -> Hashable:
        return self._hung, tuple(fence.name for _, fence in self._ring)
