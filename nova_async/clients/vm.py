"""A DRM VM: an address space with its bind queues, in the manner of VM_BIND.

Binding has three stages (hardware.md 7): *submit* prepares everything that may allocate and publishes the fence, *run*
executes in the signalling section, *cleanup* frees what the run stage gave back.

A submit holds the VM lock, so that what is planned first is queued first. It may reclaim under it, and so wait for the
fences of earlier jobs; neither of the later stages takes it (lockdep.md 3.4).

A bind that fails after its fence is public bans the VM: from then on binds are refused with ENOENT and those in the
queues end with ECANCELED. Unbinds go on, and need no memory, since a bind takes what its unbind will need.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from nova_async.address import PAGE_SIZE, Pfn, VramAddress
from nova_async.clients.bind_jobs import BindJob, UnbindJob
from nova_async.errors import ENOENT, Errno
from nova_async.kernel import Ban, DmaFence, DrmScheduler, Mutex
from nova_async.kernel.guarded import stateless
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu, MappedRange, Vmm
from nova_async.mm.lock_order import VM
from nova_async.mm.surely import surely


class BindContext:
    """One queue of a VM: what is submitted to it runs in that order; between two of them there is no order.

    Made by :meth:`Vm.context`.
    """

    def __init__(self, queue: DrmScheduler) -> None:
        self.queue = queue

    @property
    def name(self) -> str:
        """For reports."""
        return self.queue.name


class Vm:
    """One DRM file's GPU address space, for the length of an ``async with``. Many submitters may share it.

    Args:
        gpu: whose.
        name: for reports.
        pages: how many pages of addresses it offers.

    Attributes:
        vmm: the address space.
        ban: struck by a bind that fails after its fence is public.
    """

    vmm: Vmm
    _queue: Mutex[DrmScheduler]

    def __init__(self, gpu: Gpu, name: str, pages: int) -> None:
        self.gpu = gpu
        self.name = name
        self.ban = Ban(name)
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
            # Its queues tell their state themselves.
            self._queue = self.gpu.kernel.mutex(VM, queue, instance=self.name, state=stateless)
            self._undo = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._undo.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def context(self, name: str) -> AsyncIterator[BindContext]:
        """One more queue; the end of the block waits for what was submitted to it."""
        async with DrmScheduler(self.gpu.kernel.lockdep, f"{self.name} {name}") as queue:
            yield BindContext(queue)

    async def bind(
        self,
        pfns: Sequence[Pfn],
        *,
        owner: str,
        after: Sequence[DmaFence] = (),
        context: BindContext | None = None,
    ) -> tuple[BindJob, DmaFence]:
        """Submit a bind of frames at any free address.

        Args:
            pfns: the frames.
            owner: whose they are.
            after: in-fences.
            context: which queue; the VM's own if not given.

        Returns:
            The job, and the out-fence, which signals when it has run.

        Raises:
            ENOENT: the VM is banned.
            ENOSPC, ENOMEM, EIO: nothing could be prepared, and nothing was submitted.
            EINVAL: the queue was closed.
        """
        async with self.submitting(context) as queue:
            job = await self.prepare(pfns, owner=owner)
            try:
                return job, queue.submit(job, after)
            except Errno:
                await job.cleanup()  # the queue was closed meanwhile; nobody else gives the preparation back
                raise

    @asynccontextmanager
    async def submitting(self, context: BindContext | None = None) -> AsyncIterator[DrmScheduler]:
        """The VM lock, and the queue to submit to: what is prepared first in this block is queued first.

        Raises:
            ENOENT: the VM is banned.
        """
        async with self._queue.lock() as own:
            if self.ban.why is not None:
                raise ENOENT(f"{self.name}: banned, since a bind failed: {self.ban.why}")
            yield own.data if context is None else context.queue

    async def prepare(self, pfns: Sequence[Pfn], *, owner: str) -> BindJob:
        """The job of a bind, with all that it and the unbind after it will need. Submit it, or call its cleanup.

        Raises:
            ENOSPC, ENOMEM, EIO: nothing could be prepared.
        """
        await self.gpu.kernel.memory.alloc(Gfp.KERNEL, f"{self.name}: a bind job, and the job that will unbind it")
        return BindJob(self.vmm, self.gpu, await self.vmm.prepare_map(len(pfns)), pfns, owner, self.ban)

    async def unbind(
        self, mapped: MappedRange, after: Sequence[DmaFence] = (), *, context: BindContext | None = None
    ) -> DmaFence:
        """Submit an unbind; the fence signals when the addresses are no longer translated.

        It cannot fail, also on a banned VM. Once the queue is closed the range is unmapped here and now.
        """
        job = UnbindJob(self.vmm, self.gpu, mapped)
        async with self._queue.lock() as own:
            queue = own.data if context is None else context.queue
            if queue.open:
                return queue.submit(job, after)
        await job.stop()
        done = self.gpu.kernel.fence(f"{self.name} unbound")
        await done.signal()
        return done
