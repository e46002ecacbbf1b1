"""A buddy allocator shared by many: the algorithm under a mutex that is held across reclaimable allocation.

Block nodes come from GFP_KERNEL while the lock is held, as in the kernel (hazards.md k). So nothing may be freed to a
buddy in the fence path: what is freed there goes to :class:`nova_async.mm.deferred.DeferredFrees`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.errors import EINVAL, Errno
from nova_async.kernel import Kernel
from nova_async.lockdep import Gfp
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.lock_order import BUDDY
from nova_async.mm.observer import Observer
from nova_async.point import Naming, birth, naming, observe_guarded

NO_FLAGS = BuddyFlags(0)


@dataclass(slots=True, eq=False)
class AllocatedBlocks:
    """What one allocation got, and who has it. It goes back once, to the allocator it came from."""

    buddy: "GpuBuddy"
    owner: str
    blocks: list[Block]
    birth: tuple[str, int]
    live: bool = True
    given_back: bool = False

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What no address changes: the allocator, the owner, the task that allocated it, and which of its births."""
        return self.buddy.name, self.owner, *self.birth

    def fingerprint(self) -> Hashable:
        """Its name; where addresses count, these too."""
        if naming() is Naming.EXACT:
            return *self.name, *(block.offset for block in self.blocks)
        return *self.name, self.size

    @property
    def address(self) -> int:
        """The lowest address of the allocation."""
        if len(self.blocks) == 1:
            return self.buddy.base + self.blocks[0].offset
        return self.buddy.base + min(block.offset for block in self.blocks)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(block.size for block in self.blocks)

    @property
    def is_clear(self) -> bool:
        """Whether all of it is known to hold zeros."""
        return all(block.clear for block in self.blocks)

    def frames(self) -> list[range]:
        """The frame numbers it covers, block by block, in the order in which the allocator gave them."""
        base = self.buddy.base
        return [
            range((base + block.offset) >> PAGE_SHIFT, (base + block.offset + block.size) >> PAGE_SHIFT)
            for block in self.blocks
        ]


class GpuBuddy:
    """One allocator, of VRAM or of a virtual address space.

    Args:
        kernel: makes the lock and the block nodes.
        name: the instance, for reports.
        size: in bytes.
        base: added to every address handed out; range arguments are relative to it.
        observers: who is told of what it hands out and takes back.

    Attributes:
        live: how many allocations have not come back.
    """

    def __init__(self, kernel: Kernel, name: str, size: int, base: int = 0, observers: Sequence[Observer] = ()) -> None:
        self.name = name
        self.base = base
        self.size = size
        self.live = 0
        self._observers = observers
        self._memory = kernel.memory
        # A task learns of the free lists no more than what it is given.
        self._buddy = kernel.mutex(BUDDY, Buddy(size), instance=name, state=_name_state, told=False)

    async def alloc_blocks(
        self,
        size: int,
        *,
        owner: str,
        flags: BuddyFlags = NO_FLAGS,
        within: range | None = None,
    ) -> AllocatedBlocks:
        """Allocate ``size`` bytes in 4 KiB units.

        Args:
            size: in bytes.
            owner: whose it is from now on.
            flags: how to choose the blocks.
            within: bytes relative to the base; exactly this range if it is as long as ``size``.

        Raises:
            EINVAL: the size or the range is none, or the range is empty.
            ENOSPC: there is no room.
            ENOMEM: no host memory for a block node.
        """
        start, end = (0, 0) if within is None else (within.start, within.stop)
        if within is not None:
            flags |= BuddyFlags.RANGE
        async with self._buddy.lock() as guard:
            await self._memory.alloc(Gfp.KERNEL, f"{self.name}: block nodes")
            blocks = self._take(guard.data, start, end, size, flags)
            allocated = AllocatedBlocks(self, owner, blocks, birth())
            self.live += 1
            observe_guarded((_shape(blocks), allocated.fingerprint()))
            for observer in self._observers:
                observer.blocks_allocated(allocated)
        return allocated

    async def free(self, allocated: AllocatedBlocks, *, cleared: bool = False) -> None:
        """Take blocks back.

        Raises:
            EINVAL: they are not this allocator's, or were given back before.
        """
        async with self._buddy.lock() as guard:
            if allocated.buddy is not self or not allocated.live:
                raise EINVAL(f"{self.name}: blocks of {allocated.owner} that are not allocated here")
            allocated.live = False
            self.live -= 1
            for observer in self._observers:
                observer.blocks_freed(allocated)
            guard.data.free_list(allocated.blocks, cleared=cleared)

    async def avail(self) -> int:
        """How many bytes are free."""
        async with self._buddy.lock() as guard:
            observe_guarded(guard.data.avail)
            return guard.data.avail

    async def free_runs(self) -> Sequence[tuple[int, int]]:
        """The free space as (address, size), ascending."""
        async with self._buddy.lock() as guard:
            return [(self.base + offset, size) for offset, size in guard.data.free_runs()]

    def _take(self, buddy: Buddy, start: int, end: int, size: int, flags: BuddyFlags) -> list[Block]:
        try:
            return buddy.alloc_blocks(start, end, size, PAGE_SIZE, flags)
        except Errno as error:
            observe_guarded(type(error).__name__)
            raise


def _name_state(buddy: Buddy) -> Hashable:
    """How many blocks of which kind are free; their addresses decide on nothing before memory runs out.

    Which two of them can merge does depend on addresses, and is left out: it shows only when a block is wanted that
    is larger than any that is free.
    """
    return tuple(buddy.free_runs()) if naming() is Naming.EXACT else buddy.fingerprint()


def _shape(blocks: list[Block]) -> Hashable:
    """What an allocation tells besides its addresses: how many blocks, how large, and which of them are zeroed."""
    return tuple((block.size, block.clear) for block in blocks)
