"""A DRM submitter: binds a buffer, waits for the fence, looks at the mapping, and unbinds."""

from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field

import anyio

from nova_async.address import PAGE_SIZE, Vfn
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.idle_buffers import IdleBuffers
from nova_async.clients.tally import Tally
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vm import BindContext, Vm
from nova_async.errors import EIO
from nova_async.kernel import DmaFence
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.surely import surely


@dataclass(slots=True)
class DrmSubmitter:
    """One process that uses a VM.

    Attributes:
        vm: perhaps shared with others.
        number: which of its kind.
        pages: the size of a buffer.
        binds: how many buffers, one after the other.
        idle: where used buffers go; they are freed at once if there is no such place.
        tally: learns how long each bind and unbind took.
        context: the queue of the VM that it submits to; the VM's own if not given.
    """

    vm: Vm
    number: int
    pages: int = 2
    binds: int = 1
    idle: IdleBuffers | None = None
    tally: Tally = field(default_factory=Tally)
    context: BindContext | None = None

    @property
    def name(self) -> str:
        """``drm#3``."""
        return f"drm#{self.number}"

    async def run(self) -> None:
        """Bind and unbind, ``binds`` times.

        Raises:
            EIO: a page is not mapped where the bind said.
        """
        for _ in range(self.binds):
            await self._bind_once()

    async def _bind_once(self) -> None:
        mm = self.vm.gpu.mm
        async with AsyncExitStack() as undo:
            undo.push_async_callback(surely, mm.deferred.drain)
            buffer = await mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
            unused = undo.enter_context(ExitStack())
            unused.callback(mm.free_vram, buffer)
            with self.tally.timing("bind"):
                job, fence = await self.vm.bind(frames_of(buffer), owner=self.name, context=self.context)
                unused.pop_all()
                undo.push_async_callback(self._unbind, job, fence, buffer)
                await fence.wait()
                if fence.error is not None:
                    raise fence.error
            await self._check(job)

    async def _check(self, job: BindJob) -> None:
        if job.mapped is None:
            raise EIO(f"{self.name}: bound, and without a mapping")
        last = job.mapped.vfn_start + self.pages - 1
        if await self.vm.vmm.read_mapping(Vfn(last)) != job.pfns[-1]:
            raise EIO(f"{self.name}: virtual frame {last:#x} does not map {job.pfns[-1]!r}")

    async def _unbind(self, job: BindJob, bound: DmaFence, buffer: AllocatedBlocks) -> None:
        """The buffer may go only when the GPU can no longer reach it, also if this task is being cancelled."""
        with anyio.CancelScope(shield=True):
            await bound.wait()
            if job.mapped is None:
                self._free(job, buffer)
                return
            with self.tally.timing("unbind"):
                unbound = await self.vm.unbind(job.mapped, context=self.context)
                if self.idle is not None:
                    await self.idle.put(buffer, unbound)
                    return
                await unbound.wait()
            self._free(job, buffer)

    def _free(self, job: BindJob, buffer: AllocatedBlocks) -> None:
        if not job.reachable:
            self.vm.gpu.mm.free_vram(buffer)
