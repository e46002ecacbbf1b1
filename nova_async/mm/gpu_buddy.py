"""A buddy allocator shared by many: the algorithm under a mutex that is held across reclaimable allocation.

Block nodes come from GFP_KERNEL while the lock is held, as in the kernel (hazards.md k). So nothing may be freed to a
buddy in the fence path: what is freed there goes to :class:`nova_async.mm.deferred.DeferredFrees`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.errors import EINVAL, Errno
from nova_async.kernel import FaultPlan, Kernel
from nova_async.lockdep import Gfp
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.lock_order import BUDDY
from nova_async.mm.observer import Observer
from nova_async.operation import Access
from nova_async.point import birth, naming, observe_guarded
from nova_async.runtime import Naming

NO_FLAGS = BuddyFlags(0)


@dataclass(slots=True, eq=False)
class AllocatedBlocks:
    """What one allocation got, and who has it. It goes back once, to the allocator it came from.

    Attributes:
        buddy: that allocator.
        owner: whose it is.
        blocks: in the order in which the allocator gave them.
        birth: the task that allocated it, and which of its births it was.
        live: it has not come back.
        given_back: it is on its way, or has come back.
        scrubbed: all of it holds zeros, since it was given back.
    """

    buddy: "GpuBuddy"
    owner: str
    blocks: list[Block]
    birth: tuple[str, int]
    live: bool = True
    given_back: bool = False
    scrubbed: bool = False

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What no address changes: the allocator, the owner, the task that allocated it, and which of its births.

        Or what it was called later, see :meth:`GpuBuddy.rename`.
        """
        return self.buddy.name, self.owner, *self.birth

    def fingerprint(self) -> Hashable:
        """Its name; where addresses decide on anything, these too."""
        if self.buddy.exact or naming() is Naming.EXACT:
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


class _Ledger:
    """Who has how much of a buddy.

    Apart from it, so that its lock can name its state without a circle back to it (see :mod:`nova_async.kernel.flag`).
    """

    __slots__ = ("_exact", "_faults", "_handed_out", "_largest", "_plenty", "_size", "_taken")

    def __init__(self, size: int, faults: FaultPlan, *, exact: bool) -> None:
        self._exact = exact
        self._size = size
        self._faults = faults
        self._taken: dict[str, int] = {}
        self._handed_out = 0
        self._plenty = False  # as of the last change: the state is named later, when faults may have begun
        self._largest = PAGE_SIZE

    def allocated(self, blocks: AllocatedBlocks) -> None:
        """An owner has more."""
        self._taken[blocks.owner] = self._taken.get(blocks.owner, 0) + blocks.size
        self._handed_out += len(blocks.blocks)
        self._largest = max(self._largest, *(block.size for block in blocks.blocks))

    def freed(self, blocks: AllocatedBlocks) -> None:
        """An owner has less."""
        self._taken[blocks.owner] -= blocks.size
        if not self._taken[blocks.owner]:
            del self._taken[blocks.owner]

    def access(self, flags: BuddyFlags) -> Access:
        """Who asks for zeros makes zeros of what is none, so he does not care which he gets, if there is plenty."""
        self._plenty = self._is_there_plenty()
        return Access.ADD if flags is BuddyFlags.CLEAR and self._plenty else Access.WRITE

    def _is_there_plenty(self) -> bool:
        """Whether allocations by order of arrival differ in nothing but addresses.

        They do not if all blocks ever handed out, each as large as the largest, fit at the same time: in no order of
        the same calls one of them fails, as every block spoils at most one stretch of that size. Where something else
        may fail it does matter whether a block has to be scrubbed.
        """
        there_is = self._handed_out * self._largest <= self._size
        return there_is and self._faults.undisturbed and not self._exact and naming() is Naming.BIRTH

    def name_state(self, buddy: Buddy) -> Hashable:
        """Who has how much, and how many blocks of which kind are free, unless there is plenty.

        Which two of them can merge depends on addresses, and is left out: it shows only when a block is wanted that is
        larger than any that is free.
        """
        taken = frozenset(self._taken.items())
        if self._plenty:
            return taken
        exact = self._exact or naming() is Naming.EXACT
        return taken, tuple(buddy.free_runs()) if exact else buddy.fingerprint()


class GpuBuddy:
    """One allocator, of VRAM or of a virtual address space.

    Args:
        kernel: makes the lock and the block nodes.
        name: the instance, for reports.
        size: in bytes.
        base: added to every address handed out; range arguments are relative to it.
        observers: who is told of what it hands out and takes back.
        exact: its addresses decide on more than names do. Those of VRAM do not, as whoever has a page does the same
            with any; virtual ones do: which tables a mapping needs, and which entries it writes, follows from them.

    Attributes:
        exact: likewise.
        live: how many allocations have not come back.
    """

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        size: int,
        base: int = 0,
        observers: Sequence[Observer] = (),
        *,
        exact: bool = False,
    ) -> None:
        self.exact = exact
        self.name = name
        self.base = base
        self.size = size
        self.live = 0
        self._observers = observers
        self._memory = kernel.memory
        self._names: set[tuple[str, str, int]] = set()
        self._ledger = _Ledger(size, kernel.faults, exact=exact)
        # A task learns of the free lists no more than what it is given.
        self._buddy = kernel.mutex(BUDDY, Buddy(size), instance=name, state=self._ledger.name_state, told=False)

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
            allocated = AllocatedBlocks(self, owner, blocks, self._birth_of(owner))
            self.live += 1
            observe_guarded((_shape(blocks), allocated.fingerprint()))
            for observer in self._observers:
                observer.blocks_allocated(allocated)
            self._ledger.allocated(allocated)
            guard.access = self._ledger.access(flags)
        return allocated

    def rename(self, allocated: AllocatedBlocks, place: str = "") -> None:
        """Name an allocation for what it is now, where states are told apart by births and not by addresses.

        What serves the same purpose has the same name then, whoever made it.

        Args:
            allocated: of this allocator, live.
            place: where it is; nothing else that is live may be there. It is the caller's and nothing more if not
                given.
        """
        if naming() is Naming.BIRTH:
            self._forget_name(allocated)
            allocated.birth = (place, 0) if place else self._birth_of(allocated.owner)
            for observer in self._observers:
                observer.blocks_renamed(allocated)

    async def free(self, *returned: AllocatedBlocks) -> None:
        """Take blocks back, all in one hold.

        Raises:
            EINVAL: some are not this allocator's, or were given back before; then nothing is taken.
        """
        async with self._buddy.lock() as guard:
            for allocated in returned:
                if allocated.buddy is not self or not allocated.live:
                    raise EINVAL(f"{self.name}: blocks of {allocated.owner} that are not allocated here")
            for allocated in returned:
                self._take_back(guard.data, allocated)
            guard.access = self._ledger.access(BuddyFlags.CLEAR)

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

    def _birth_of(self, owner: str) -> tuple[str, int]:
        """Not that of anything that is live: what a task has made and forgotten may be."""
        task, number = birth()
        if naming() is not None:
            while (owner, task, number) in self._names:
                number += 1
            self._names.add((owner, task, number))
        return task, number

    def _forget_name(self, allocated: AllocatedBlocks) -> None:
        self._names.discard((allocated.owner, *allocated.birth))

    def _take_back(self, buddy: Buddy, allocated: AllocatedBlocks) -> None:
        allocated.live = False
        self._forget_name(allocated)
        self.live -= 1
        for observer in self._observers:
            observer.blocks_freed(allocated)
        self._ledger.freed(allocated)
        buddy.free_list(allocated.blocks, cleared=allocated.scrubbed)


def _shape(blocks: list[Block]) -> Hashable:
    """What an allocation tells besides its addresses: how many blocks, how large, and which of them are zeroed."""
    return tuple((block.size, block.clear) for block in blocks)
