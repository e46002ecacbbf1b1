"""What the KUnit suite ``gpu_buddy`` asserts of alignments greater than the block."""

import pytest

from nova_async.address import KIB, MIB
from nova_async.errors import ENOSPC
from nova_async.mm.buddy import Block, Buddy
from nova_async.mm.buddy.free_trees import alignment_of

PAGE = 4 * KIB


@pytest.fixture
def buddy() -> Buddy:
    return Buddy(4 * MIB)


def take(buddy: Buddy, size: int, count: int) -> list[Block]:
    return [block for _ in range(count) for block in buddy.alloc_blocks(0, buddy.size, size, 256 * KIB)]


@pytest.mark.parametrize("size", [8 * KIB, 16 * KIB])
def test_offset_aligned_allocation_every_aligned_offset_holds_one_block(buddy: Buddy, size: int) -> None:
    blocks = take(buddy, size, 16)
    assert [block.offset for block in blocks] == list(range(4 * MIB - 256 * KIB, -1, -256 * KIB))
    assert {block.size for block in blocks} == {size}
    with pytest.raises(ENOSPC):
        take(buddy, size, 1)


def test_offset_aligned_allocation_alternate_frees_are_refilled_and_no_more(buddy: Buddy) -> None:
    blocks = take(buddy, 16 * KIB, 16)
    freed = blocks[::2]
    offsets = [block.offset for block in freed]
    buddy.free_list(freed)
    assert [block.offset for block in take(buddy, 16 * KIB, 8)] == offsets
    with pytest.raises(ENOSPC):
        take(buddy, 16 * KIB, 1)


def best_alignment_of_largest(buddy: Buddy) -> int:
    free = list(buddy.free_blocks())
    largest = max(block.order for block in free)
    return max(alignment_of(block.offset) for block in free if block.order == largest)


def test_subtree_offset_alignment_stress_each_alignment_can_be_used_up() -> None:
    buddy = Buddy(2 * MIB)
    taken: dict[int, list[Block]] = {}
    for exponent in range(20, 12, -1):
        alignment = 1 << exponent
        taken[alignment] = drain(buddy, alignment)
        assert all(block.offset % alignment == 0 for block in taken[alignment])
        assert best_alignment_of_largest(buddy) == alignment // 2
    for alignment, blocks in reversed(taken.items()):
        buddy.free_list(blocks)
        assert max(alignment_of(block.offset) for block in buddy.free_blocks()) >= alignment
    assert list(buddy.free_blocks()) == list(buddy.roots)


def drain(buddy: Buddy, alignment: int) -> list[Block]:
    """Pages at that alignment until there are no more."""
    blocks: list[Block] = []
    while True:
        try:
            blocks += buddy.alloc_blocks(0, buddy.size, PAGE, alignment)
        except ENOSPC:
            return blocks


def test_offset_zero_suits_every_alignment() -> None:
    buddy = Buddy(64 * KIB)
    (block,) = buddy.alloc_blocks(0, 0, PAGE, 1 << 40)
    assert block.offset == 0
