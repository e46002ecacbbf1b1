"""The calls a driver makes."""

from collections.abc import Hashable, Iterable, Iterator

from nova_async.address import PAGE_SIZE, U64_MAX, align_down
from nova_async.errors import EINVAL, ENOSPC
from nova_async.mm.buddy.block import Block, State, total_size
from nova_async.mm.buddy.contiguous import try_harder
from nova_async.mm.buddy.flags import BuddyFlags
from nova_async.mm.buddy.placement import from_trees, offset_aligned
from nova_async.mm.buddy.ranges import take_range, within_range
from nova_async.mm.buddy.request import Request, is_power_of_two, make_request
from nova_async.mm.buddy.space import Space


class Buddy:
    """A binary buddy allocator over ``[0, size)``, with the block choices of Linux ``drivers/gpu/buddy.c``.

    Args:
        size: bytes; rounded down to the chunk.
        chunk_size: bytes of the smallest block, a power of two of at least 4 KiB.

    Raises:
        EINVAL: no space can be made of that.
    """

    __slots__ = ("_space",)

    def __init__(self, size: int, chunk_size: int = PAGE_SIZE) -> None:
        if chunk_size < PAGE_SIZE or not is_power_of_two(chunk_size):
            raise EINVAL(f"buddy: chunk_size {chunk_size:#x}", expected=f"a power of two from {PAGE_SIZE:#x} up")
        if not chunk_size <= size <= U64_MAX:
            raise EINVAL(f"buddy: size {size:#x}", expected=f"at least the chunk size, {chunk_size:#x}, in 64 bits")
        self._space = Space(align_down(size, chunk_size), chunk_size)

    @property
    def size(self) -> int:
        """Bytes managed."""
        return self._space.size

    @property
    def chunk_size(self) -> int:
        """Bytes of the smallest block."""
        return self._space.chunk_size

    @property
    def max_order(self) -> int:
        """The order of the largest root."""
        return self._space.max_order

    @property
    def roots(self) -> tuple[Block, ...]:
        """The blocks the space is made of, largest first."""
        return self._space.roots

    @property
    def avail(self) -> int:
        """Free bytes."""
        return self._space.avail

    @property
    def clear_avail(self) -> int:
        """Free bytes known to be zeroed."""
        return self._space.clear_avail

    @property
    def nodes(self) -> int:
        """Blocks alive: allocated, free and split. The kernel allocates each of them with GFP_KERNEL."""
        return self._space.nodes

    def alloc_blocks(
        self, start: int, end: int, size: int, min_block_size: int, flags: BuddyFlags | int = 0
    ) -> list[Block]:
        """Allocate ``size`` bytes.

        Args:
            start: first byte of the range; matters with RANGE, and where ``start + size == end``: then exactly that
                range is meant, whatever the flags.
            end: first byte after the range.
            size: a multiple of the chunk.
            min_block_size: alignment and least size of every block, a power of two. A smaller power-of-two ``size``
                is not rounded up to it: it gets one block of its own size at that alignment (at its own alignment
                with RANGE).
            flags: see :class:`BuddyFlags`.

        Returns:
            Blocks in the kernel's order, which is not by offset.

        Raises:
            EINVAL: the arguments fit no space of this size.
            ENOSPC: not that much is free, or not in such blocks. Nothing is allocated then.
        """
        request = make_request(self._space, start, end, size, min_block_size, flags)
        blocks = self._allocate_exact(request) if request.exact else self._allocate(request)
        if blocks is None:
            raise ENOSPC(f"buddy: {request}", expected=self._what_is_there())
        return blocks

    def free_block(self, block: Block) -> None:
        """Free one block; its clear bit stays as it is.

        Raises:
            EINVAL: the block is not allocated. The kernel stops with a BUG there.
        """
        if block.state is not State.ALLOCATED:
            raise EINVAL(
                f"buddy: free of the {block.state.value} block at {block.offset:#x}", expected="an allocated block"
            )
        self._space.release(block)

    def free_list(self, blocks: Iterable[Block], *, cleared: bool = False) -> None:
        """Free blocks.

        Args:
            blocks: allocated, in any order.
            cleared: the memory has been zeroed; without it, it counts as dirty.

        Raises:
            EINVAL: a block is not allocated; those before it are free by then.
        """
        for block in blocks:
            if block.state is State.ALLOCATED:
                block.clear = cleared
            self.free_block(block)

    def trim(self, blocks: list[Block], new_size: int, start: int | None = None) -> list[Block]:
        """Keep ``new_size`` bytes of one allocated block and free the rest.

        Args:
            blocks: exactly one.
            new_size: bytes, a multiple of the chunk.
            start: the first byte to keep; the start of the block if not given.

        Returns:
            The blocks that make up what is kept, ascending. The block given is no longer the caller's, unless nothing
            was trimmed.

        Raises:
            EINVAL: not one allocated block, or not a part of it.
        """
        if len(blocks) != 1 or blocks[0].state is not State.ALLOCATED:
            raise EINVAL(f"buddy: trim of {len(blocks)} blocks", expected="one allocated block")
        (block,) = blocks
        start = block.offset if start is None else start
        if not 0 < new_size <= block.size or new_size % self.chunk_size:
            raise EINVAL(f"buddy: trim to {new_size:#x}", expected=f"chunks, at most the {block.size:#x} of the block")
        if new_size == block.size:
            return blocks
        if not block.offset <= start <= block.end - new_size or start % self.chunk_size:
            raise EINVAL(
                f"buddy: trim to {new_size:#x} bytes at {start:#x}",
                expected=f"chunks of {block.offset:#x}..{block.end:#x}",
            )
        self._space.unclaim(block)
        return self._space.carve(block, start, start + new_size)

    def reset_clear(self, *, is_clear: bool) -> None:
        """Merge whatever is free, and let all of it count as zeroed, or as dirty."""
        space = self._space
        for root in space.roots:
            # The kernel's bound is the end of the space; only blocks below a root can ever reach its order.
            space.force_merge(root.offset, space.size, root.order)
        for block in [block for block in space.trees if block.clear != is_clear]:
            space.trees.remove(block)
            block.clear = is_clear
            space.trees.add(block)
        space.clear_avail = space.avail if is_clear else 0

    def fingerprint(self) -> Hashable:
        """What decides on the sizes and the clear bits of later allocations, as far as addresses do not matter.

        All free blocks that are zeroed, by order; of the others, of which there are plenty, the largest order and all
        their bytes.
        """
        space = self._space
        dirty = space.trees.counts(clear=False)
        largest = max((order for order, count in enumerate(dirty) if count), default=-1)
        return space.trees.counts(clear=True), largest, space.avail

    def free_blocks(self) -> Iterator[Block]:
        """The free blocks, ascending."""
        return iter(self._space.trees)

    def free_runs(self) -> Iterator[tuple[int, int]]:
        """The maximal free stretches as (offset, size), ascending."""
        offset = size = 0
        for block in self._space.trees:
            if block.offset != offset + size:
                if size:
                    yield offset, size
                offset, size = block.offset, 0
            size += block.size
        if size:
            yield offset, size

    def is_free(self, offset: int) -> bool:
        """Whether the chunk that holds this byte is free.

        Raises:
            EINVAL: the byte is outside the space.
        """
        if not 0 <= offset < self.size:
            raise EINVAL(f"buddy: offset {offset:#x}", expected=f"less than the size of the space, {self.size:#x}")
        block = next(root for root in self.roots if offset < root.end)
        while block.state is State.SPLIT:
            left, right = block.halves
            block = right if offset >= right.offset else left
        return block.state is State.FREE

    def _allocate_exact(self, request: Request) -> list[Block] | None:
        blocks = take_range(self._space, request.start, request.asked)
        if total_size(blocks) == request.asked:
            return blocks
        self._space.release_all(blocks)
        return None

    def _allocate(self, request: Request) -> list[Block] | None:
        space = self._space
        fits = request.size <= space.size and space.order_of(request.size) <= space.max_order
        if not fits and not request.may_try_harder:
            raise EINVAL(
                f"buddy: {request}, rounded to {request.size:#x}", expected=f"at most the space, {space.size:#x}"
            )
        blocks = self._fill(request) if fits else None
        if blocks is None:
            return try_harder(space, request.asked, request.asked_min) if request.may_try_harder else None
        excess = request.excess
        if excess:
            last = blocks.pop()  # the only one to be cut: what rounding added is less than any block
            blocks += self.trim([last], last.size - excess)
        return blocks

    def _fill(self, request: Request) -> list[Block] | None:
        """Allocate the rounded size, in blocks as large as there are; an order that failed is not tried again."""
        space = self._space
        blocks: list[Block] = []
        missing = request.size
        order = space.max_order
        # One block of its own size cannot be made of smaller ones.
        floor = space.order_of(min(missing, request.min_block_size))
        while missing:
            order = min(order, space.order_of(missing))
            block = self._find(request, order)
            while block is None and order > floor:
                order -= 1
                block = self._find(request, order)
            if block is None and space.clear_avail and space.force_merge(request.start, request.end, order):
                block = self._find(request, order)
            if block is None:
                space.release_all(blocks)
                return None
            blocks.append(space.claim(block))
            missing -= block.size
        return blocks

    def _find(self, request: Request, order: int) -> Block | None:
        """A detached free block of one order."""
        space = self._space
        if request.ranged:
            return within_range(space, request.start, request.end, order, clear=request.clear)
        if request.aligned_beyond_size:
            return offset_aligned(space, order, request.min_block_size, clear=request.clear)
        return from_trees(space, order, clear=request.clear, topdown=request.topdown)

    def _what_is_there(self) -> str:
        order = self._space.trees.largest_order()
        largest = f"{self.chunk_size << order:#x}" if order >= 0 else "none"
        return f"at most what is free: {self.avail:#x} bytes, largest block {largest}"
