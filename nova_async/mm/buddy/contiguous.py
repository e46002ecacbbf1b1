"""The second chance of a contiguous request.

A run of memory need not be one block: a free block may continue to its right, and to its left, in blocks that are not
its buddies.
"""

from nova_async.address import align_down
from nova_async.mm.buddy.block import Block, total_size
from nova_async.mm.buddy.ranges import take_range
from nova_async.mm.buddy.space import Space


def try_harder(space: Space, size: int, min_block_size: int) -> list[Block] | None:
    """A run that begins at, or is continued to the left of, a free block of at least half its size.

    Args:
        space: where to look.
        size: bytes, not rounded.
        min_block_size: what the part on the left is rounded up to, so that the run may be longer than ``size``. The
            run need not be aligned to it.

    Returns:
        Claimed blocks, ascending; None if there is no such run.
    """
    order = space.order_of(size)
    if order == 0:
        return None
    for clear in (True, False):
        block = space.trees.highest(clear=clear, order=order)
        while block is not None:
            run = _run_around(space, block.offset, size, min_block_size)
            if run is not None:
                return run
            block = space.trees.below(block, clear=clear, order=order)
    return None


def _run_around(space: Space, offset: int, size: int, min_block_size: int) -> list[Block] | None:
    """To the right of ``offset`` as far as it goes, what is missing to the left of it."""
    right = take_range(space, offset, size)
    missing = size - total_size(right)
    if not missing:
        return right
    wanted = align_down(missing + min_block_size - 1, min_block_size)
    left = take_range(space, offset - wanted, wanted)  # below the start of the space it stays incomplete
    if total_size(left) == wanted:
        return left + right
    space.release_all(left + right)
    return None
