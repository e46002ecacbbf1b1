"""A block from the free trees.

Everything here returns a detached free block of the order asked for, or None.
"""

from nova_async.mm.buddy.block import Block
from nova_async.mm.buddy.free_trees import alignment_of
from nova_async.mm.buddy.space import Space


def _right(_left: Block, right: Block) -> Block:
    return right


def from_trees(space: Space, order: int, *, clear: bool, topdown: bool) -> Block | None:
    """The highest block of the smallest order that fits, or with ``topdown`` of all orders that fit.

    Memory of the other clear state is a fallback; it is always chosen by the smallest order.
    """
    wanted = _topmost(space, order, clear=clear) if topdown else space.trees.smallest(clear=clear, order=order)
    found = wanted or space.trees.smallest(clear=not clear, order=order)
    return space.narrow(found, order, _right) if found else None


def _topmost(space: Space, order: int, *, clear: bool) -> Block | None:
    orders = range(order, space.max_order + 1)
    tops = (space.trees.highest(clear=clear, order=candidate) for candidate in orders)
    return max((top for top in tops if top), key=lambda top: top.offset, default=None)


def offset_aligned(space: Space, order: int, min_block_size: int, *, clear: bool) -> Block | None:
    """The highest block whose offset is a multiple of ``min_block_size``, which is larger than the block itself.

    A miss in one tree makes the other one come first from then on, at higher orders too: after two misses at one
    order, the next order begins with the clear state that was *not* asked for. That is the kernel's doing, and
    decides placement once memory of both kinds is free.
    """

    def keep_aligned(left: Block, right: Block) -> Block:
        return right if alignment_of(right.offset) >= min_block_size else left

    for candidate in range(order, space.max_order + 1):
        found = space.trees.highest(clear=clear, order=candidate, alignment=min_block_size)
        if found is None:
            clear = not clear
            found = space.trees.highest(clear=clear, order=candidate, alignment=min_block_size)
        if found is not None:
            return space.narrow(found, order, keep_aligned)
    return None
