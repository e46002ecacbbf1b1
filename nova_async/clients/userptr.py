"""Memory of a process that the GPU mirrors: bound without pinning it, and unbound when it goes away (userptr).

The pages belong to the process, and the CPU side may move them at any time. A bind collects them, prepares without any
lock that a notifier takes, and commits only if they have not gone away meanwhile; the notifier waits for what uses them
and unmaps them (lockdep.md 3.6).
"""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from nova_async.address import PAGE_SIZE, Pfn
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vm import Vm
from nova_async.kernel import DmaFence, MmuIntervalNotifier, Mutex, Usage
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.mapping import Stage
from nova_async.mm.surely import surely
from nova_async.point import observe

Invalidated = Callable[[], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Pages:
    """Where a process has its pages now."""

    blocks: AllocatedBlocks | None = None

    def fingerprint(self) -> Hashable:
        return self.blocks.fingerprint() if self.blocks is not None else None


class ProcessMemory:
    """Some pages of a process, for the length of an ``async with``. They are in video memory, as those of an HMM are.

    Args:
        gpu: whose memory.
        name: of the process; it owns the frames.
        pages: how many.
    """

    def __init__(self, gpu: Gpu, name: str, pages: int = 1) -> None:
        self.name = name
        self.pages = pages
        self._mm = gpu.mm
        self._mmap = gpu.kernel.private_mutex("mmap_lock", _Pages(), instance=f"{name} mmap_lock")
        self._mirrors: list[MmuIntervalNotifier] = []

    async def __aenter__(self) -> Self:
        async with self._mmap.lock() as guard:
            guard.data.blocks = await self._mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await surely(self._drop)

    def watch(self, notifier: MmuIntervalNotifier) -> None:
        """Tell this one before pages go away."""
        self._mirrors.append(notifier)

    def unwatch(self, notifier: MmuIntervalNotifier) -> None:
        """Tell it no more."""
        self._mirrors.remove(notifier)

    async def get_user_pages(self) -> list[Pfn]:
        """The frames as they are now; nothing keeps them there."""
        async with self._mmap.lock() as guard:
            return list(frames_of(guard.data.blocks)) if guard.data.blocks is not None else []

    async def move(self) -> None:
        """Put the pages somewhere else, as compaction or a copy on write does: mirrors are told first.

        Raises:
            ENOSPC, ENOMEM, EIO: there is nowhere else.
        """
        async with self._mmap.lock() as guard:
            fresh = await self._mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
            stale, guard.data.blocks = guard.data.blocks, fresh
            await self._gone(stale)

    async def _drop(self) -> None:
        async with self._mmap.lock() as guard:
            stale, guard.data.blocks = guard.data.blocks, None
            await self._gone(stale)

    async def _gone(self, stale: AllocatedBlocks | None) -> None:
        if stale is None:
            return
        for notifier in self._mirrors:
            await notifier.invalidate_range()
        self._mm.free_vram(stale)
        await surely(self._mm.deferred.drain)


@dataclass(slots=True, eq=False)
class _Bound:
    """What the notifier has to undo."""

    job: BindJob | None = None

    def fingerprint(self) -> Hashable:
        return self.job is not None


class Userptr:
    """The mirror of a process's pages in a VM, for the length of an ``async with``.

    Args:
        vm: where they are bound.
        memory: whose pages.
        name: for reports.

    Attributes:
        retries: how often pages went away while a bind was being prepared.
        resv: the fences of what uses the pages.
    """

    def __init__(self, vm: Vm, memory: ProcessMemory, name: str) -> None:
        kernel = vm.gpu.kernel
        self.vm = vm
        self.memory = memory
        self.name = name
        self.retries = 0
        self.resv = kernel.resv(f"{name} resv", None)
        self._notifier = MmuIntervalNotifier(kernel.lockdep, f"{name} notifier", self.invalidate)
        self._zapping: Mutex[None] = kernel.private_mutex("userptr_zap", None, instance=f"{name} zap")
        self._bound = kernel.private_mutex("userptr_notifier_lock", _Bound(), instance=f"{name} notifier_lock")

    async def __aenter__(self) -> Self:
        self.memory.watch(self._notifier)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await surely(self._notifier.invalidate_range)
        self.memory.unwatch(self._notifier)
        await surely(self.vm.gpu.mm.deferred.drain)

    async def bind(self) -> tuple[BindJob, DmaFence]:
        """Bind the pages where they are, however often they move meanwhile.

        Raises:
            ENOENT: the VM is banned.
            ENOSPC, ENOMEM, EIO: nothing could be prepared.
        """
        while True:
            seq = await self._notifier.read_begin()
            frames = await self.memory.get_user_pages()
            async with self.vm.submitting() as queue, AsyncExitStack() as undo:
                job = await self.vm.prepare(frames, owner=self.memory.name)
                undo.push_async_callback(job.cleanup)
                with await self.resv.lock() as guard:
                    await guard.reserve_fences()
                    async with self._bound.lock() as bound:
                        if not self._notifier.read_retry(seq):
                            # The notifier sees the fence as soon as it gets this lock.
                            fence = queue.submit(job)
                            undo.pop_all()
                            bound.data.job = job
                            await guard.add_fence(fence, Usage.BOOKKEEP)
                            return job, fence
            self.retries += 1

    async def invalidate(self) -> None:
        """The notifier: no allocation, no lock under which anybody allocates. Two may come at the same time."""
        async with self._bound.lock() as bound:
            self._notifier.set_seq()
            job = bound.data.job
        await self.resv.wait(Usage.BOOKKEEP)
        if job is not None:
            async with self._zapping.lock():  # whoever comes second returns when the entries are gone, and not before
                await self._zap(job)

    async def _zap(self, job: BindJob) -> None:
        if job.mapped is not None:
            observe(job.mapped.stage.value)
            if job.mapped.stage is Stage.MAPPED:
                await surely(partial(self.vm.vmm.unmap_pages, job.mapped))
        async with self._bound.lock() as bound:
            if bound.data.job is job:
                bound.data.job = None
