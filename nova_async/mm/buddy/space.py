"""The buddy tree, and the few moves that change it.

A free block rests in the free trees. To be used it is detached, halved as far as needed (the half that is not used
goes back to rest), and claimed. Released, it merges with its buddy for as long as that is free and equally clear.
So two free buddies always differ in their clear bit, and a block released comes back exactly as it was.
"""

from collections.abc import Callable

from nova_async.mm.buddy.block import Block, State
from nova_async.mm.buddy.free_trees import FreeTrees


class Space:
    """All of the state of one allocator.

    Attributes:
        size: bytes managed, a multiple of the chunk.
        chunk_size: bytes of a block of order 0.
        max_order: the order of the largest root.
        roots: the blocks the space is made of, largest first; one for each set bit of its size.
        trees: the free blocks at rest.
        avail: free bytes.
        clear_avail: free bytes known to be zeroed.
        nodes: blocks alive, split ones included: what the kernel would have in its slab.
    """

    __slots__ = ("avail", "chunk_size", "clear_avail", "max_order", "nodes", "roots", "size", "trees")

    def __init__(self, size: int, chunk_size: int) -> None:
        self.size = size
        self.chunk_size = chunk_size
        self.max_order = self.order_of(size)
        self.trees = FreeTrees(self.max_order)
        self.avail = size
        self.clear_avail = 0
        self.roots = self._make_roots()
        self.nodes = len(self.roots)

    def _make_roots(self) -> tuple[Block, ...]:
        roots: list[Block] = []
        offset = 0
        while offset < self.size:
            order = self.order_of(self.size - offset)
            root = Block(offset, self.chunk_size << order, order)
            self.trees.add(root)
            roots.append(root)
            offset = root.end
        return tuple(roots)

    def order_of(self, size: int) -> int:
        """The largest order whose blocks are not larger than ``size`` bytes."""
        return (size // self.chunk_size).bit_length() - 1

    def halve(self, block: Block) -> tuple[Block, Block]:
        """Split a detached block; both halves are detached and inherit its clear bit."""
        order = block.order - 1
        size = block.size >> 1
        left = Block(block.offset, size, order, block, block.clear)
        right = Block(block.offset + size, size, order, block, block.clear)
        block.halves = (left, right)
        block.state = State.SPLIT
        block.clear = False
        self.nodes += 2
        return left, right

    def narrow(self, block: Block, order: int, choose: Callable[[Block, Block], Block]) -> Block:
        """Detach a free block and halve it down to ``order``.

        Args:
            block: at rest in the free trees.
            order: of the block wanted.
            choose: given left and right, the half to go on with.

        Returns:
            A detached free block of that order.
        """
        self.trees.remove(block)
        while block.order > order:
            left, right = self.halve(block)
            block = choose(left, right)
            self.trees.add(left if block is right else right)
        return block

    def carve(self, block: Block, start: int, end: int) -> list[Block]:
        """Claim the part of a detached free block that lies inside ``[start, end)``.

        The rest goes to the free trees. Ascending, in as few blocks as possible.
        """
        if block.within(start, end):
            return [self.claim(block)]
        claimed: list[Block] = []
        for half in self.halve(block):
            if half.overlaps(start, end):
                claimed += self.carve(half, start, end)
            else:
                self.trees.add(half)
        return claimed

    def claim(self, block: Block) -> Block:
        """Allocate a detached free block."""
        block.state = State.ALLOCATED
        self.avail -= block.size
        if block.clear:
            self.clear_avail -= block.size
        return block

    def unclaim(self, block: Block) -> None:
        """Make an allocated block free, but detached and unmerged."""
        block.state = State.FREE
        block.birth = None
        self.avail += block.size
        if block.clear:
            self.clear_avail += block.size

    def release(self, block: Block) -> None:
        """Free an allocated block, with the clear bit it carries."""
        self.unclaim(block)
        while (parent := block.parent) is not None:
            left, right = parent.halves
            buddy = right if block is left else left
            if buddy.state is not State.FREE or buddy.clear != block.clear:
                break
            self.trees.remove(buddy)
            block = self._join(parent, clear=block.clear)
        self.trees.add(block)

    def release_all(self, blocks: list[Block]) -> None:
        """Free allocated blocks, with the clear bits they carry."""
        for block in blocks:
            self.release(block)

    def _join(self, parent: Block, *, clear: bool) -> Block:
        """Make one free detached block of two free detached halves."""
        parent.halves = ()
        parent.state = State.FREE
        parent.clear = clear
        self.nodes -= 2
        return parent

    def force_merge(self, start: int, end: int, min_order: int) -> bool:
        """Join free buddies that differ in their clear bit, until a block of ``min_order`` appears.

        Looks at cleared blocks before dirty ones, at high orders before low ones, at high offsets before low ones,
        and only at blocks within ``[start, end)``. What is joined is dirty.

        Returns:
            Whether such a block appeared.
        """
        # Merging could not help a request for single chunks, and no request goes beyond the largest root.
        if not 0 < min_order <= self.max_order:
            return False
        return any(
            self._force_merge_tree(start, end, min_order, clear=clear, order=order)
            for clear in (True, False)
            for order in range(min_order - 1, -1, -1)
        )

    def _force_merge_tree(self, start: int, end: int, min_order: int, *, clear: bool, order: int) -> bool:
        block = self.trees.highest(clear=clear, order=order)
        while block is not None:
            if block.within(start, end) and self._force_up(block).order >= min_order:
                return True
            block = self.trees.below(block, clear=clear, order=order)
        return False

    def _force_up(self, block: Block) -> Block:
        """Join a free block with its buddy, and the result with its own, while there is a free one."""
        self.trees.remove(block)
        while (parent := block.parent) is not None:
            left, right = parent.halves
            buddy = right if block is left else left
            if buddy.state is not State.FREE:
                break
            self.trees.remove(buddy)
            self.clear_avail -= sum(half.size for half in parent.halves if half.clear)
            block = self._join(parent, clear=False)
        self.trees.add(block)
        return block
