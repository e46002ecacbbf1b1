"""A block somewhere inside a range, and a whole range as such.

Both walk the tree depth first, left half first, so they place low where the free trees place high.
"""

from nova_async.address import U64_MAX, align_down
from nova_async.mm.buddy.block import Block, State
from nova_async.mm.buddy.space import Space


def _has_slot(block: Block, start: int, end: int, size: int) -> bool:
    """Whether a naturally aligned piece of ``size`` bytes lies inside both the block and ``[start, end)``."""
    first = align_down(max(block.offset, start) + size - 1, size)
    return first < align_down(min(block.end, end), size)


def within_range(space: Space, start: int, end: int, order: int, *, clear: bool) -> Block | None:
    """The lowest block of that order inside ``[start, end)``, of the wanted clear state if there is one.

    A split block counts as dirty, so a request for clear memory finds it only where a whole root is clear; past
    that it takes the lowest block of either kind, as the kernel does. An alignment beyond the block's own size is
    not looked at.

    Returns:
        A detached free block, or None.
    """
    # The kernel steps from end to the last byte, so end 0 wraps around and bounds nothing.
    end = end or U64_MAX + 1
    size = space.chunk_size << order

    def lower_half_with_slot(left: Block, right: Block) -> Block:
        return left if _has_slot(left, start, end, size) else right

    found = _first_free(space, start, end, order, (clear,)) or _first_free(space, start, end, order, (True, False))
    return space.narrow(found, order, lower_half_with_slot) if found else None


def _first_free(space: Space, start: int, end: int, order: int, clears: tuple[bool, ...]) -> Block | None:
    size = space.chunk_size << order
    pending = list(reversed(space.roots))
    while pending:
        block = pending.pop()
        if block.state is State.ALLOCATED or block.clear not in clears or not _has_slot(block, start, end, size):
            continue
        if block.state is State.FREE:
            return block
        if block.order > order:
            pending += reversed(block.halves)
    return None


def take_range(space: Space, start: int, size: int) -> list[Block]:
    """Claim ``[start, start + size)`` from the left, as far as the first conflict.

    Returns:
        What was claimed, ascending; all of it if the sizes add up to ``size``. The caller releases what it cannot use.
    """
    end = start + size
    claimed: list[Block] = []
    pending = list(reversed(space.roots))
    while pending:
        block = pending.pop()
        if not block.overlaps(start, end):
            continue
        if _conflicts(space, block, start, end):
            break
        if block.state is State.FREE:
            space.trees.remove(block)
            claimed += space.carve(block, start, end)
        else:
            pending += reversed(block.halves)
    return claimed


def _conflicts(space: Space, block: Block, start: int, end: int) -> bool:
    """Whether some of the block is known to be in use.

    With no clear memory anywhere, what is split and not merged again holds an allocation. The kernel stops at once
    then, before it takes the free parts; the try-harder pass sees the difference.
    """
    if block.state is State.SPLIT:
        return not space.clear_avail and block.within(start, end)
    return block.state is State.ALLOCATED
