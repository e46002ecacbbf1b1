"""The free blocks, by clear state and order, sorted by offset.

The kernel keeps one red-black tree for each clear state and order, and notes in every node the best offset alignment
below it, so that one descent finds the highest block of a given alignment. Here each such tree is kept apart by
alignment instead: as many short sorted lists as there are different alignments. Their greatest members, compared,
answer both questions, and nothing is stored twice.
"""

from collections.abc import Iterator

from sortedcontainers import SortedList

from nova_async.mm.buddy.block import Block

_OffsetTree = dict[int, SortedList]
"""The offsets of all free blocks of one order and one clear state, by their alignment. No list is empty."""

_ALIGNMENT_OF_ZERO = 1 << 64
"""Offset 0 suits every alignment there is."""


def alignment_of(offset: int) -> int:
    """The largest power of two that divides an offset, in bytes."""
    return offset & -offset or _ALIGNMENT_OF_ZERO


def _highest(tree: _OffsetTree, alignment: int) -> int:
    """The greatest offset with at least that alignment; -1 for none."""
    best = -1
    for their_alignment, peers in tree.items():
        if their_alignment >= alignment and peers[-1] > best:
            best = peers[-1]
    return best


def _below(tree: _OffsetTree, offset: int) -> int:
    """The greatest offset less than the one given; -1 for none."""
    best = -1
    for peers in tree.values():
        index = peers.bisect_left(offset)
        if index and peers[index - 1] > best:
            best = peers[index - 1]
    return best


class FreeTrees:
    """Every free block of one space.

    Args:
        max_order: the order of the largest root.
    """

    __slots__ = ("_at", "_trees", "max_order")

    def __init__(self, max_order: int) -> None:
        self.max_order = max_order
        # Free blocks never overlap, so the offset alone names one.
        self._at: dict[int, Block] = {}
        # Dirty first, so that a block's clear bit is the index.
        self._trees: tuple[list[_OffsetTree], ...] = tuple([{} for _ in range(max_order + 1)] for _ in (False, True))

    def __iter__(self) -> Iterator[Block]:
        """All free blocks, ascending."""
        return (self._at[offset] for offset in sorted(self._at))

    def add(self, block: Block) -> None:
        """Put in a free block."""
        offset = block.offset
        self._at[offset] = block
        tree = self._trees[block.clear][block.order]
        alignment = alignment_of(offset)
        peers = tree.get(alignment)
        if peers is None:
            peers = tree[alignment] = SortedList()
        peers.add(offset)

    def remove(self, block: Block) -> None:
        """Take out a free block, with the clear bit it was put in with."""
        offset = block.offset
        del self._at[offset]
        tree = self._trees[block.clear][block.order]
        alignment = alignment_of(offset)
        peers = tree[alignment]
        peers.remove(offset)
        if not peers:
            del tree[alignment]  # else every later question would look at it

    def highest(self, *, clear: bool, order: int, alignment: int = 1) -> Block | None:
        """The block with the highest offset among those aligned to ``alignment`` bytes."""
        return self._at.get(_highest(self._trees[clear][order], alignment))

    def below(self, block: Block, *, clear: bool, order: int) -> Block | None:
        """The next lower one in the same tree; the block itself may have left it."""
        return self._at.get(_below(self._trees[clear][order], block.offset))

    def smallest(self, *, clear: bool, order: int) -> Block | None:
        """The highest block of the smallest order, from ``order`` up, that has any."""
        trees = self._trees[clear]
        for candidate in range(order, self.max_order + 1):
            if trees[candidate]:
                return self._at[_highest(trees[candidate], 1)]
        return None

    def counts(self, *, clear: bool) -> tuple[int, ...]:
        """How many free blocks there are of every order."""
        return tuple(sum(map(len, tree.values())) for tree in self._trees[clear])

    def largest_order(self) -> int:
        """The order of the largest free block; -1 when nothing is free."""
        occupied = (order for order in range(self.max_order, -1, -1) if any(trees[order] for trees in self._trees))
        return next(occupied, -1)
