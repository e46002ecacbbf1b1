"""What the KUnit suite ``gpu_buddy`` asserts of plain and contiguous allocations, by the names of its cases."""

import pytest

from nova_async.address import GIB, KIB, U64_MAX
from nova_async.errors import EINVAL, ENOSPC
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.buddy.block import total_size

PAGE = 4 * KIB


def one(buddy: Buddy, order: int) -> Block:
    """One block of an order, anywhere; the range end is that of the space, as in the suite."""
    size = PAGE << order
    (block,) = buddy.alloc_blocks(0, buddy.size, size, size)
    return block


def test_alloc_limit_the_largest_space_has_order_51_and_hands_out_a_block_of_it() -> None:
    buddy = Buddy(U64_MAX)
    assert buddy.max_order == 51
    size = PAGE << 51
    (block,) = buddy.alloc_blocks(0, size, size, PAGE)
    assert (block.order, block.size) == (51, size)


def test_alloc_optimistic_one_block_of_each_order_fills_the_space_made_of_them() -> None:
    buddy = Buddy(PAGE * ((1 << 17) - 1))
    assert buddy.max_order == 16
    for order in range(17):
        assert one(buddy, order).order == order
    with pytest.raises(ENOSPC):
        one(buddy, 0)


def test_alloc_pessimistic_freeing_from_small_to_large_frees_ever_larger_blocks() -> None:
    buddy = Buddy(PAGE << 16)
    blocks = [one(buddy, order) for order in range(16)]
    buddy_of_the_first = one(buddy, 0)
    for order in range(16):
        with pytest.raises(ENOSPC):
            one(buddy, order)
    buddy.free_block(buddy_of_the_first)
    for order, block in enumerate(blocks, start=1):
        buddy.free_block(block)
        buddy.free_block(one(buddy, order))
    assert one(buddy, 16).size == buddy.size


def test_alloc_pathological_half_of_the_space_free_in_single_chunks_serves_single_chunks_only() -> None:
    buddy = Buddy(PAGE << 3)
    blocks: list[Block] = []
    holes: list[Block] = []
    for top in range(3, 0, -1):
        if blocks:
            buddy.free_block(blocks.pop(0))
        blocks += [one(buddy, order) for order in reversed(range(top))]
        holes.append(one(buddy, 0))
        with pytest.raises(ENOSPC):
            one(buddy, top)
    buddy.free_list(holes)
    for order in (1, 2, 3):
        with pytest.raises(ENOSPC):
            one(buddy, order)
    assert buddy.avail == 3 * PAGE
    buddy.free_list(blocks)
    assert one(buddy, 3).size == buddy.size


def test_alloc_contiguous_finds_runs_that_are_no_buddies() -> None:
    buddy = Buddy(48 * PAGE)
    thirds: tuple[list[Block], ...] = ([], [], [])
    for page in range(48):
        thirds[page % 3].append(one(buddy, 0))
    left, middle, right = thirds

    def contiguous(pages: int) -> list[Block]:
        return buddy.alloc_blocks(0, buddy.size, pages * PAGE, PAGE, BuddyFlags.CONTIGUOUS)

    with pytest.raises(ENOSPC):
        contiguous(3)
    buddy.free_list(middle)
    for pages in (3, 2):
        with pytest.raises(ENOSPC):
            contiguous(pages)
    buddy.free_list(right)
    with pytest.raises(ENOSPC):
        contiguous(3)
    two = contiguous(2)
    buddy.free_list(left)
    three = contiguous(3)
    for run, pages in ((two, 2), (three, 3)):
        assert [block.offset for block in run[1:]] == [block.end for block in run[:-1]]
        assert total_size(run) == pages * PAGE


def test_alloc_exceeds_max_order_only_a_contiguous_request_without_range_has_a_second_chance() -> None:
    buddy = Buddy(10 * GIB)
    size, end = 9 * GIB, buddy.size
    run = buddy.alloc_blocks(0, end, size, PAGE, BuddyFlags.CONTIGUOUS)
    assert [(block.offset, block.size) for block in run] == [(0, 8 * GIB), (8 * GIB, GIB)]
    buddy.free_list(run)
    for min_block_size, flags in (
        (8 * GIB, BuddyFlags(0)),
        (8 * GIB, BuddyFlags.RANGE),
        (PAGE, BuddyFlags.CONTIGUOUS | BuddyFlags.RANGE),
    ):
        with pytest.raises(EINVAL):
            buddy.alloc_blocks(0, end, size, min_block_size, flags)
    assert buddy.avail == end
