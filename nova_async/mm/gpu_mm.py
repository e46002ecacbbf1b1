"""The memory manager that everybody shares: VRAM, the PRAMIN window, the TLB."""

from nova_async.address import MIB, PAGE_SIZE
from nova_async.errors import ENOSPC
from nova_async.hw.bar0 import Bar0
from nova_async.hw.chipset import Chipset
from nova_async.hw.clock import ModelClock
from nova_async.kernel import Kernel
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.deferred import DeferredFrees
from nova_async.mm.frames import FrameOwners
from nova_async.mm.gpu_buddy import NO_FLAGS, AllocatedBlocks, GpuBuddy
from nova_async.mm.observer import Observer
from nova_async.mm.pramin import Pramin
from nova_async.mm.regs import pramin_window
from nova_async.mm.tlb import Tlb

SCRUB_CHUNK = MIB
"""How much is scrubbed under one hold of the window, so that others get their turn."""


class GpuMm:
    """One device's memory manager.

    Args:
        kernel: makes the locks.
        bar0: the register BAR.
        chipset: decides on the window register.
        clock: model time, for the TLB's timeout.
        usable: the VRAM that may be allocated, as addresses.
        total_fb_end: the end of all VRAM, firmware's included.

    Attributes:
        observers: who is told of what only the driver knows. Append at any time.
    """

    def __init__(
        self, kernel: Kernel, bar0: Bar0, chipset: Chipset, clock: ModelClock, usable: range, total_fb_end: int
    ) -> None:
        self.kernel = kernel
        self.usable = usable
        self.observers: list[Observer] = []
        self.buddy = GpuBuddy(kernel, "vram", len(usable), usable.start, self.observers)
        register = pramin_window(chipset.architecture)
        self.pramin = Pramin(kernel, bar0, register, range(total_fb_end), self.observers)
        self.tlb = Tlb(kernel, bar0, clock)
        self.owners = FrameOwners(kernel)
        self.deferred = DeferredFrees(kernel, self._free)

    async def alloc_vram(self, size: int, *, owner: str, flags: BuddyFlags = NO_FLAGS) -> AllocatedBlocks:
        """Allocate VRAM for ``owner``; its content is zero.

        Raises:
            EINVAL: no whole number of pages.
            ENOSPC: too little is free, deferred frees included.
            ENOMEM: no host memory.
            EIO: it could not be scrubbed.
        """
        # What was scrubbed when it was freed need not be scrubbed again.
        allocated = await self.alloc_from(self.buddy, size, owner=owner, flags=flags | BuddyFlags.CLEAR)
        self.owners.grant(allocated.frames(), owner)
        try:
            await self._scrub_dirty(allocated)
        except BaseException:
            self.deferred.defer(allocated)
            raise
        return allocated

    async def alloc_from(
        self,
        buddy: GpuBuddy,
        size: int,
        *,
        owner: str,
        flags: BuddyFlags = NO_FLAGS,
        within: range | None = None,
    ) -> AllocatedBlocks:
        """Allocate from a buddy whose frees are deferred here; what waits there is freed before this gives up.

        Raises:
            EINVAL, ENOSPC, ENOMEM: as :meth:`GpuBuddy.alloc_blocks`.
        """
        try:
            return await buddy.alloc_blocks(size, owner=owner, flags=flags, within=within)
        except ENOSPC:
            if not self.deferred:
                raise
        await self.deferred.drain()
        return await buddy.alloc_blocks(size, owner=owner, flags=flags, within=within)

    def free_vram(self, allocated: AllocatedBlocks) -> None:
        """Give VRAM back. It is scrubbed and free once somebody drains."""
        self.deferred.defer(allocated)

    async def _scrub_dirty(self, allocated: AllocatedBlocks) -> None:
        for block in allocated.blocks:
            if not block.clear:
                await self._zero(self.buddy.base + block.offset, block.size)

    async def _free(self, allocated: AllocatedBlocks) -> None:
        if allocated.buddy is not self.buddy:  # virtual addresses have no content and no owner
            await allocated.buddy.free(allocated)
            return
        for observer in self.observers:
            observer.blocks_freed(allocated)
        for run in allocated.frames():
            await self._zero(run.start * PAGE_SIZE, len(run) * PAGE_SIZE)
        self.owners.revoke(allocated.frames())
        await self.buddy.free(allocated, cleared=True)

    async def _zero(self, address: int, size: int) -> None:
        for start in range(address, address + size, SCRUB_CHUNK):
            async with self.pramin.window() as window:
                window.fill(start, min(SCRUB_CHUNK, address + size - start) // 8)
