"""What the KUnit suite ``gpu_buddy`` asserts of cleared memory: case alloc_clear, one test for each of its parts."""

import pytest

from nova_async.address import KIB
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.buddy.block import total_size

PAGE = 4 * KIB
MAX_ORDER = 8
WHOLE = PAGE << MAX_ORDER
TWO_ROOTS = WHOLE + (WHOLE >> 2)


def pages(buddy: Buddy, count: int, flags: BuddyFlags | int = 0) -> list[Block]:
    return [block for _ in range(count) for block in buddy.alloc_blocks(0, buddy.size, PAGE, PAGE, flags)]


def test_alloc_clear_clear_and_dirty_memory_are_kept_apart() -> None:
    buddy = Buddy(WHOLE)
    buddy.free_list(buddy.alloc_blocks(0, WHOLE, 5 * PAGE, PAGE, BuddyFlags.TOPDOWN), cleared=True)
    assert buddy.clear_avail == 5 * PAGE
    for _ in range(5):
        assert [block.clear for block in pages(buddy, 1) + pages(buddy, 1, BuddyFlags.CLEAR)] == [False, True]
    assert buddy.clear_avail == 0


def test_alloc_clear_asking_for_more_clear_memory_than_there_is_gets_dirty_memory_too() -> None:
    buddy = Buddy(WHOLE)
    buddy.free_list(buddy.alloc_blocks(0, WHOLE, 5 * PAGE, PAGE), cleared=True)
    blocks = buddy.alloc_blocks(0, WHOLE, 10 * PAGE, PAGE, BuddyFlags.CLEAR)
    assert total_size(blocks) == 10 * PAGE
    assert {block.clear for block in blocks} == {True, False}


def test_alloc_clear_dirty_memory_running_out_hands_out_clear_memory() -> None:
    buddy = Buddy(WHOLE)
    buddy.reset_clear(is_clear=True)
    assert [block.clear for block in pages(buddy, 1)] == [True]


@pytest.fixture
def checkered() -> Buddy:
    """All free, every other page cleared, so that no two pages merge by themselves."""
    buddy = Buddy(WHOLE)
    every = pages(buddy, 1 << MAX_ORDER)
    buddy.free_list(every[::2])
    buddy.free_list(every[1::2], cleared=True)
    return buddy


@pytest.mark.parametrize("order", range(1, MAX_ORDER))
def test_alloc_clear_alternating_pages_are_force_merged_into_dirty_blocks(checkered: Buddy, order: int) -> None:
    assert checkered.clear_avail == WHOLE // 2
    size = PAGE << order
    (block,) = checkered.alloc_blocks(0, WHOLE, size, size, BuddyFlags.CLEAR)
    assert (block.size, block.clear) == (size, False)
    assert checkered.clear_avail == (WHOLE - size) // 2


def test_alloc_clear_the_whole_space_is_had_unmerged_since_it_is_an_exact_range(checkered: Buddy) -> None:
    blocks = checkered.alloc_blocks(0, WHOLE, WHOLE, WHOLE, BuddyFlags.CLEAR)
    assert [block.clear for block in blocks] == [True, False] * (WHOLE // PAGE // 2)
    assert (total_size(blocks), checkered.avail, checkered.clear_avail) == (WHOLE, 0, 0)


def test_alloc_clear_memory_cleared_in_several_roots_merges_back_to_these_roots() -> None:
    buddy = Buddy(TWO_ROOTS)
    for start, end, size, flags in (
        (0, WHOLE, 4 * PAGE, BuddyFlags.RANGE),
        (0, WHOLE, 2 * PAGE, BuddyFlags.CLEAR),
        (WHOLE, TWO_ROOTS, PAGE, BuddyFlags.RANGE),
    ):
        buddy.free_list(buddy.alloc_blocks(start, end, size, PAGE, flags), cleared=True)
    assert buddy.clear_avail == 5 * PAGE
    buddy.reset_clear(is_clear=False)
    assert list(buddy.free_blocks()) == list(buddy.roots)
    assert buddy.nodes == len(buddy.roots) == 2


@pytest.mark.parametrize("is_clear", [False, True])
def test_alloc_clear_reset_makes_all_free_memory_of_one_kind_and_merges_it(is_clear: bool) -> None:
    buddy = Buddy(TWO_ROOTS)
    every = pages(buddy, TWO_ROOTS // PAGE)
    buddy.free_list(every[::2], cleared=True)
    buddy.free_list(every[1::2])
    buddy.reset_clear(is_clear=is_clear)
    assert buddy.clear_avail == (TWO_ROOTS if is_clear else 0)
    assert list(buddy.free_blocks()) == list(buddy.roots)


def test_alloc_clear_reset_leaves_allocated_blocks_alone() -> None:
    buddy = Buddy(WHOLE)
    (kept,) = pages(buddy, 1)
    buddy.reset_clear(is_clear=True)
    assert (kept.clear, buddy.clear_avail) == (False, WHOLE - PAGE)
    buddy.free_block(kept)
    assert (buddy.avail, buddy.clear_avail) == (WHOLE, WHOLE - PAGE)
