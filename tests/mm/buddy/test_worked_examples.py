"""The placements of hardware.md 4.7 and 5, to the byte."""

from nova_async.address import GIB, KIB, MIB
from nova_async.mm.buddy import Block, Buddy, BuddyFlags

PAGE = 4 * KIB


def places(blocks: list[Block]) -> list[tuple[int, int]]:
    return [(block.offset, block.size) for block in blocks]


def test_pages_are_taken_from_the_top_of_an_empty_space_downward() -> None:
    buddy = Buddy(MIB)
    assert places(buddy.alloc_blocks(0, MIB, PAGE, PAGE)) == [(0xFF000, PAGE)]
    assert places(buddy.alloc_blocks(0, MIB, PAGE, PAGE)) == [(0xFE000, PAGE)]


def test_five_pages_are_a_block_of_four_and_a_page_out_of_the_block_below_it() -> None:
    buddy = Buddy(MIB)
    buddy.alloc_blocks(0, MIB, 2 * PAGE, PAGE)
    assert places(buddy.alloc_blocks(0, MIB, 5 * PAGE, PAGE)) == [(0xF8000, 16 * KIB), (0xFD000, PAGE)]


def test_on_ten_mib_the_smaller_root_is_used_first() -> None:
    buddy = Buddy(10 * MIB)
    assert [(root.offset, root.size) for root in buddy.roots] == [(0, 8 * MIB), (8 * MIB, 2 * MIB)]
    assert places(buddy.alloc_blocks(0, 10 * MIB, PAGE, PAGE)) == [(10 * MIB - PAGE, PAGE)]


def test_the_first_page_of_a_64_kib_address_space_is_page_15() -> None:
    (block,) = Buddy(64 * KIB).alloc_blocks(0, 0, PAGE, PAGE)
    assert block.offset // PAGE == 15


def test_the_selftest_range_with_a_hole_is_filled_largest_block_first() -> None:
    buddy = Buddy(MIB)
    hole = buddy.alloc_blocks(0x14000, 0x15000, PAGE, PAGE, BuddyFlags.RANGE)
    assert places(hole) == [(0x14000, PAGE)]
    blocks = buddy.alloc_blocks(0x10000, 0x19000, 32 * KIB, PAGE, BuddyFlags.RANGE)
    assert places(blocks) == [(0x10000, 16 * KIB), (0x16000, 8 * KIB), (0x15000, PAGE), (0x18000, PAGE)]


def test_an_exact_range_is_ascending_and_made_of_as_few_blocks_as_possible() -> None:
    blocks = Buddy(MIB).alloc_blocks(0x3000, 0x9000, 0x6000, PAGE)
    assert places(blocks) == [(0x3000, PAGE), (0x4000, 16 * KIB), (0x8000, PAGE)]


def test_topdown_takes_the_highest_block_where_the_default_takes_the_smallest() -> None:
    buddy = Buddy(MIB)
    buddy.alloc_blocks(0, PAGE, PAGE, PAGE)  # leaves a free page at 0x1000, and larger blocks above it
    assert places(buddy.alloc_blocks(0, MIB, PAGE, PAGE, BuddyFlags.TOPDOWN)) == [(0xFF000, PAGE)]
    assert places(buddy.alloc_blocks(0, MIB, PAGE, PAGE)) == [(0xFE000, PAGE)]
    assert places(buddy.alloc_blocks(0, MIB, PAGE, PAGE)) == [(0x1000, PAGE)]


def test_a_contiguous_request_is_rounded_up_and_cut_at_its_end() -> None:
    buddy = Buddy(MIB)
    blocks = buddy.alloc_blocks(0, MIB, 5 * PAGE, PAGE, BuddyFlags.CONTIGUOUS)
    assert places(blocks) == [(0xF8000, 16 * KIB), (0xFC000, PAGE)]
    assert buddy.avail == MIB - 5 * PAGE


def test_without_trimming_a_contiguous_request_keeps_the_whole_block() -> None:
    buddy = Buddy(MIB)
    blocks = buddy.alloc_blocks(0, MIB, 5 * PAGE, PAGE, BuddyFlags.CONTIGUOUS | BuddyFlags.TRIM_DISABLE)
    assert places(blocks) == [(0xF8000, 32 * KIB)]


def test_only_the_last_block_of_a_rounded_request_is_cut() -> None:
    buddy = Buddy(MIB)
    blocks = buddy.alloc_blocks(0, MIB, 5 * PAGE, 16 * KIB)
    assert places(blocks) == [(0xF8000, 16 * KIB), (0xFC000, PAGE)]


def test_a_contiguous_gib_on_an_80_gib_card_is_one_block_at_the_top() -> None:
    blocks = Buddy(80 * GIB).alloc_blocks(0, 0, GIB, PAGE, BuddyFlags.CONTIGUOUS)
    assert places(blocks) == [(79 * GIB, GIB)]


def test_a_trimmed_block_keeps_the_part_that_is_asked_for() -> None:
    buddy = Buddy(MIB)
    blocks = buddy.alloc_blocks(0, 0, 64 * KIB, PAGE)
    kept = buddy.trim(blocks, 3 * PAGE, start=0xF3000)
    assert places(kept) == [(0xF3000, PAGE), (0xF4000, 8 * KIB)]
    assert buddy.avail == MIB - 3 * PAGE


def test_the_try_harder_pass_extends_to_the_left_of_a_free_block() -> None:
    buddy = Buddy(8 * PAGE)
    pages = {offset: buddy.alloc_blocks(offset, offset + PAGE, PAGE, PAGE) for offset in range(0, 8 * PAGE, PAGE)}
    for offset in (0x3000, 0x4000, 0x5000):
        buddy.free_list(pages[offset])
    # 0x4000 is a free block of two pages; the page to its left completes the run.
    blocks = buddy.alloc_blocks(0, 8 * PAGE, 3 * PAGE, PAGE, BuddyFlags.CONTIGUOUS)
    assert places(blocks) == [(0x3000, PAGE), (0x4000, 8 * KIB)]
