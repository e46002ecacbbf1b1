"""The memory manager that everybody shares: VRAM, the PRAMIN window, the TLB."""

from operator import attrgetter
from typing import Protocol

from nova_async.address import PAGE_SIZE
from nova_async.errors import EBUSY, EIO, ENODEV, ENOSPC, ETIMEDOUT
from nova_async.hw.bar0 import Bar0
from nova_async.hw.chipset import Chipset
from nova_async.hw.clock import ModelClock
from nova_async.kernel import Kernel
from nova_async.mm.binding import Binding
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.deferred import DeferredFrees
from nova_async.mm.frames import FrameOwners
from nova_async.mm.gpu_buddy import NO_FLAGS, AllocatedBlocks, GpuBuddy
from nova_async.mm.holds import WORDS_PER_HOLD
from nova_async.mm.observer import Observer
from nova_async.mm.pramin import Pramin
from nova_async.mm.regs import pramin_window
from nova_async.mm.tlb import Tlb
from nova_async.operation import Access
from nova_async.point import forgetting, observe_guarded, share, touch


class TableUser(Protocol):
    """An address space, which may have table pages that nobody needs."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    async def reclaim_tables(self) -> int:
        """Put those on the deferred list; how many there were.

        Raises:
            EIO, ETIMEDOUT, ENODEV: the device did not answer.
        """
        ...


class GpuMm:
    """One device's memory manager.

    Args:
        kernel: makes the locks.
        bar0: the register BAR.
        chipset: decides on the window register.
        clock: model time, for the TLB's timeout.
        usable: the VRAM that may be allocated, as addresses.
        total_fb_end: the end of all VRAM, firmware's included.
        words_per_hold: how many 64-bit words anybody reads or writes before others get their turn at the window.

    Attributes:
        observers: who is told of what only the driver knows. Append at any time.
        binding: the tie to the device.
    """

    def __init__(
        self,
        kernel: Kernel,
        bar0: Bar0,
        chipset: Chipset,
        clock: ModelClock,
        usable: range,
        total_fb_end: int,
        words_per_hold: int = WORDS_PER_HOLD,
    ) -> None:
        self.kernel = kernel
        self.usable = usable
        self.words_per_hold = words_per_hold
        self._roots: dict[int, TableUser] = {}
        self.observers: list[Observer] = []
        self.buddy = GpuBuddy(kernel, "vram", len(usable), usable.start, self.observers)
        register = pramin_window(chipset.architecture)
        self.binding = Binding(kernel.faults)
        self.pramin = Pramin(kernel, bar0, register, range(total_fb_end), self.observers, self.binding)
        self.tlb = Tlb(kernel, bar0, clock, self.binding)
        self.owners = FrameOwners(kernel)
        self.deferred = DeferredFrees(kernel, self._scrub, self.observers)

    async def alloc_vram(self, size: int, *, owner: str, flags: BuddyFlags = NO_FLAGS) -> AllocatedBlocks:
        """Allocate VRAM for ``owner``; its content is zero.

        Raises:
            EINVAL: no whole number of pages.
            ENOSPC: too little is free, deferred frees included.
            ENOMEM: no host memory.
            EIO: it could not be scrubbed.
            ENODEV: the device is gone.
        """
        with forgetting():  # once it is scrubbed nobody can tell what was
            # What was scrubbed when it was freed need not be scrubbed again.
            allocated = await self.alloc_from(self.buddy, size, owner=owner, flags=flags | BuddyFlags.CLEAR)
            self.owners.grant(allocated.frames(), owner)
            try:
                await self._scrub_dirty(allocated)
            except BaseException:
                self.deferred.defer(allocated)
                raise
        observe_guarded((allocated.fingerprint(), tuple(block.size for block in allocated.blocks)))
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

        If that is not enough VRAM, every address space gives back the table pages that nobody needs. That is no matter
        of the fence path: nobody allocates there, and the pages go the way of all frees, over the deferred list.

        Raises:
            EINVAL, ENOSPC, ENOMEM: as :meth:`GpuBuddy.alloc_blocks`.
            ENODEV: the device is gone.
        """
        self.binding.check(f"{buddy.name}: an allocation for {owner}")
        try:
            return await buddy.alloc_blocks(size, owner=owner, flags=flags, within=within)
        except ENOSPC:
            if not self.deferred and buddy is not self.buddy:
                raise
        await self.deferred.drain()
        try:
            return await buddy.alloc_blocks(size, owner=owner, flags=flags, within=within)
        except ENOSPC:
            if buddy is not self.buddy:
                raise
        await self.deferred.drain(first=self._reclaim_tables)
        return await buddy.alloc_blocks(size, owner=owner, flags=flags, within=within)

    def adopt_root(self, pdb: int, user: TableUser) -> None:
        """From now on the tables below this root are one address space's.

        Raises:
            EBUSY: they are another one's.
        """
        taken = self._roots.get(pdb)
        if taken is not None:
            touch("roots in use")
            observe_guarded(taken.name)
            raise EBUSY(f"{user.name}: the root at {pdb:#x} is in use by {taken.name}")
        self._roots[pdb] = user
        share("roots in use", self._name_users, Access.ADD)

    def release_root(self, pdb: int) -> None:
        """Nobody's any more."""
        del self._roots[pdb]
        share("roots in use", self._name_users, Access.ADD)

    def _name_users(self) -> tuple[str, ...]:
        return tuple(user.name for user in self._users())

    def _users(self) -> list[TableUser]:
        """By name: it should not matter who was there first."""
        return sorted(self._roots.values(), key=attrgetter("name"))

    async def _reclaim_tables(self) -> None:
        touch("roots in use")
        observe_guarded(self._name_users())
        for user in self._users():
            try:
                await user.reclaim_tables()
            except (EIO, ETIMEDOUT, ENODEV):
                continue  # what it has not given back it keeps; there may be enough without

    def free_vram(self, allocated: AllocatedBlocks) -> None:
        """Give VRAM back. It is scrubbed and free once somebody drains."""
        self.deferred.defer(allocated)

    async def _scrub_dirty(self, allocated: AllocatedBlocks) -> None:
        for block in allocated.blocks:
            if not block.clear:
                await self._zero(self.buddy.base + block.offset, block.size)

    async def _scrub(self, allocated: AllocatedBlocks) -> None:
        if allocated.buddy is not self.buddy:  # virtual addresses have no content and no owner
            return
        for observer in self.observers:
            observer.blocks_freed(allocated)
        for run in allocated.frames():
            await self._zero(run.start * PAGE_SIZE, len(run) * PAGE_SIZE)
        self.owners.revoke(allocated.frames())
        allocated.scrubbed = True

    async def _zero(self, address: int, size: int) -> None:
        """Write zeros to pages that are nobody's, a hold at a time, so that others get their turn at the window."""
        chunk = 8 * self.words_per_hold
        for start in range(address, address + size, chunk):
            async with self.pramin.window(private=True) as window:
                window.fill(start, min(chunk, address + size - start) // 8)
