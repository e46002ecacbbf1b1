"""A DRM VM: an address space with its bind queue, in the manner of VM_BIND.

Binding has three stages (hardware.md 7): *submit* prepares everything that may allocate and publishes the fence, *run*
executes in the signalling section, *cleanup* frees what the run stage gave back.

A submit holds the VM lock, so that what is planned first is queued first. It may reclaim under it, and so wait for the
fences of earlier jobs; neither of the later stages takes it (lockdep.md 3.4).
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nova_async.address import PAGE_SIZE, Pfn, VramAddress
from nova_async.errors import EINVAL
from nova_async.kernel import DmaFence, DrmScheduler, Mutex
from nova_async.mm import Gpu, MappedRange, PreparedMapping, Vmm
from nova_async.mm.lock_order import VM
from nova_async.mm.mapping import Stage
from nova_async.mm.surely import surely


@dataclass(slots=True)
class BindJob:
    """Maps what was prepared; :attr:`mapped` is the range once its fence has signalled without an error."""

    vmm: Vmm
    gpu: Gpu
    prepared: PreparedMapping
    pfns: Sequence[Pfn]
    owner: str
    mapped: MappedRange | None = None

    @property
    def reachable(self) -> bool:
        """Whether the GPU may still reach the frames: mapped, or half executed and not undone."""
        if self.mapped is not None:
            return self.mapped.stage is not Stage.GONE
        return self.prepared.stage is Stage.DIRTY

    async def run(self) -> None:
        """Execute: no allocation, nothing freed."""
        self.mapped = await self.vmm.execute_map(self.prepared, self.pfns, writable=True, owner=self.owner)

    async def stop(self) -> None:
        """Nothing is mapped, and the fence says so."""

    async def cleanup(self) -> None:
        """Give back what a failed run left prepared."""
        if self.prepared.stage is not Stage.GONE:
            await surely(self._abort)
        await surely(self.gpu.mm.deferred.drain)

    async def _abort(self) -> None:
        await self.vmm.abort(self.prepared)


@dataclass(slots=True)
class UnbindJob:
    """Unmaps a range; it needs no memory, so it cannot fail for lack of it."""

    vmm: Vmm
    gpu: Gpu
    mapped: MappedRange

    async def run(self) -> None:
        """Invalidate and flush; whoever waits for the fence frees the memory, so this tries again until it is done."""
        await surely(self._unmap)

    async def stop(self) -> None:
        """Whoever waits for the fence frees the memory, so it must be unmapped by then."""
        await surely(self._unmap)

    async def cleanup(self) -> None:
        """Free the addresses."""
        await surely(self.gpu.mm.deferred.drain)

    async def _unmap(self) -> None:
        await self.vmm.unmap_pages(self.mapped)


class Vm:
    """One DRM file's GPU address space, for the length of an ``async with``. Many submitters may share it.

    Args:
        gpu: whose.
        name: for reports.
        pages: how many pages of addresses it offers.
    """

    vmm: Vmm
    _queue: Mutex[DrmScheduler]

    def __init__(self, gpu: Gpu, name: str, pages: int) -> None:
        self.gpu = gpu
        self.name = name
        self._va_size = pages * PAGE_SIZE
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(surely, self.gpu.mm.deferred.drain)
            root = await self.gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
            undo.callback(self.gpu.mm.free_vram, root)
            self.vmm = self.gpu.vmm(VramAddress(root.address), self._va_size, name=f"{self.name} vmm", owner=self.name)
            undo.push_async_callback(surely, self.vmm.close)
            queue = await undo.enter_async_context(DrmScheduler(self.gpu.kernel.lockdep, f"{self.name} bind"))
            self._queue = self.gpu.kernel.mutex(VM, queue, instance=self.name)
            self._undo = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._undo.__aexit__(kind, error, trace)

    async def bind(
        self, pfns: Sequence[Pfn], *, owner: str, after: Sequence[DmaFence] = ()
    ) -> tuple[BindJob, DmaFence]:
        """Submit a bind of frames at any free address.

        Args:
            pfns: the frames.
            owner: whose they are.
            after: in-fences.

        Returns:
            The job, and the fence that signals when it has run.

        Raises:
            ENOSPC, ENOMEM, EIO: nothing could be prepared, and nothing was submitted.
        """
        async with self._queue.lock() as queue:
            prepared = await self.vmm.prepare_map(len(pfns))
            job = BindJob(self.vmm, self.gpu, prepared, pfns, owner)
            try:
                return job, queue.data.submit(job, after)
            except EINVAL:
                await job.cleanup()  # the queue was closed meanwhile; nobody else gives the preparation back
                raise

    async def unbind(self, mapped: MappedRange, after: Sequence[DmaFence] = ()) -> DmaFence:
        """Submit an unbind; the fence signals when the addresses are no longer translated.

        Once the queue is closed the range is unmapped here and now.
        """
        job = UnbindJob(self.vmm, self.gpu, mapped)
        async with self._queue.lock() as queue:
            if queue.data.open:
                return queue.data.submit(job, after)
        await job.stop()
        done = self.gpu.kernel.fence(f"{self.name} unbound")
        await done.signal()
        return done
