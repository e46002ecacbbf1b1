"""What can be asked about the state, and what is refused."""

import pytest

from nova_async.address import GIB, KIB, MIB
from nova_async.errors import EINVAL, ENOSPC
from nova_async.mm.buddy import Buddy, BuddyFlags

PAGE = 4 * KIB


@pytest.fixture
def buddy() -> Buddy:
    return Buddy(MIB)


@pytest.mark.parametrize(
    ("size", "chunk_size"), [(PAGE, 2 * PAGE), (MIB, 2 * KIB), (MIB, 3 * PAGE), (1 << 64, PAGE), (0, PAGE)]
)
def test_a_space_that_cannot_be_is_refused(size: int, chunk_size: int) -> None:
    with pytest.raises(EINVAL):
        Buddy(size, chunk_size)


def test_a_size_is_rounded_down_to_the_chunk() -> None:
    buddy = Buddy(11 * PAGE + 5, 2 * PAGE)
    assert [root.size // PAGE for root in buddy.roots] == [8, 2]
    assert (buddy.size, buddy.avail, buddy.max_order) == (10 * PAGE, 10 * PAGE, 2)


@pytest.mark.parametrize(
    ("start", "end", "size", "min_block_size", "named"),
    [
        (0, 0, 0, PAGE, "size 0x0"),
        (0, 0, PAGE, 2 * KIB, "min_block_size 0x800"),
        (0, 0, PAGE, 3 * PAGE, "min_block_size 0x3000"),
        (0, 0, PAGE + 8, PAGE, "size 0x1008"),
        (8, 0, PAGE, PAGE, "0x8..0x0"),
        (0, 8, PAGE, PAGE, "0x0..0x8"),
        (0, MIB + PAGE, PAGE, PAGE, "end 0x101000"),
        (MIB, MIB, PAGE, PAGE, "start 0x100000"),
        (0, 0, MIB + PAGE, PAGE, "size 0x101000"),
        (-PAGE, 0, PAGE, PAGE, "start -0x1000"),
    ],
)
def test_arguments_that_no_space_can_serve_are_refused_by_name(
    buddy: Buddy, start: int, end: int, size: int, min_block_size: int, named: str
) -> None:
    with pytest.raises(EINVAL, match=named):
        buddy.alloc_blocks(start, end, size, min_block_size)
    assert list(buddy.free_blocks()) == list(buddy.roots)


def test_a_full_space_says_what_was_asked_and_what_is_there(buddy: Buddy) -> None:
    for start in range(0, MIB, 8 * PAGE):
        buddy.alloc_blocks(start, start + 4 * PAGE, 4 * PAGE, PAGE)
    with pytest.raises(ENOSPC, match=r"0x8000 bytes in blocks of 0x8000 or more.*0x80000 bytes, largest block 0x4000"):
        buddy.alloc_blocks(0, 0, 8 * PAGE, 8 * PAGE)
    buddy.alloc_blocks(0, 0, MIB // 2, PAGE)
    with pytest.raises(ENOSPC, match=r"0x0 bytes, largest block none"):
        buddy.alloc_blocks(0, 0, PAGE, PAGE)


def test_an_allocation_that_fails_halfway_gives_back_what_it_took(buddy: Buddy) -> None:
    hole = buddy.alloc_blocks(0, MIB - 4 * PAGE, MIB - 4 * PAGE, PAGE)
    before = list(buddy.free_runs())
    with pytest.raises(ENOSPC):
        buddy.alloc_blocks(0, 0, 5 * PAGE, PAGE)
    assert list(buddy.free_runs()) == before == [(MIB - 4 * PAGE, 4 * PAGE)]
    buddy.free_list(hole)
    assert buddy.nodes == 1


def test_a_block_is_freed_once(buddy: Buddy) -> None:
    blocks = buddy.alloc_blocks(0, 0, PAGE, PAGE)
    buddy.free_list(blocks)
    with pytest.raises(EINVAL, match="free block at 0xff000"):
        buddy.free_list(blocks)
    with pytest.raises(EINVAL):
        buddy.free_block(buddy.roots[0])
    assert buddy.avail == MIB


def test_a_split_block_is_not_freed_over_its_halves(buddy: Buddy) -> None:
    buddy.alloc_blocks(0, 0, PAGE, PAGE)
    with pytest.raises(EINVAL, match="split block"):
        buddy.free_block(buddy.roots[0])


def test_freeing_one_block_keeps_its_clear_bit_and_freeing_a_list_sets_it(buddy: Buddy) -> None:
    buddy.reset_clear(is_clear=True)
    first, second = (buddy.alloc_blocks(0, 0, PAGE, PAGE, BuddyFlags.CLEAR) for _ in range(2))
    buddy.free_block(first[0])
    assert buddy.clear_avail == MIB - PAGE
    buddy.free_list(second)
    assert (buddy.avail, buddy.clear_avail) == (MIB, MIB - PAGE)


def test_a_birth_is_forgotten_when_the_block_is_freed(buddy: Buddy) -> None:
    (block,) = buddy.alloc_blocks(0, 0, MIB, PAGE)
    block.birth = ("creator", 1)
    buddy.free_block(block)
    assert buddy.alloc_blocks(0, 0, MIB, PAGE)[0].birth is None


def test_free_runs_join_blocks_that_touch_whatever_their_kind(buddy: Buddy) -> None:
    assert list(buddy.free_runs()) == [(0, MIB)]
    low = buddy.alloc_blocks(0, PAGE, PAGE, PAGE)
    middle = buddy.alloc_blocks(0x5000, 0x8000, 0x3000, PAGE)
    assert list(buddy.free_runs()) == [(0x1000, 0x4000), (0x8000, MIB - 0x8000)]
    buddy.free_list(middle, cleared=True)
    assert list(buddy.free_runs()) == [(0x1000, MIB - 0x1000)]
    buddy.free_list(low)
    buddy.alloc_blocks(0, MIB, MIB, PAGE)
    assert list(buddy.free_runs()) == []


def test_is_free_follows_the_tree_across_roots() -> None:
    buddy = Buddy(7 * PAGE)
    taken = {0, 3, 4, 6}
    for page in taken:
        buddy.alloc_blocks(page * PAGE, (page + 1) * PAGE, PAGE, PAGE)
    assert {page for page in range(7) if not buddy.is_free(page * PAGE + 5)} == taken
    for outside in (-1, 7 * PAGE):
        with pytest.raises(EINVAL):
            buddy.is_free(outside)


def test_nodes_count_what_the_slab_would_hold(buddy: Buddy) -> None:
    assert buddy.nodes == 1
    blocks = buddy.alloc_blocks(0, 0, PAGE, PAGE)
    assert buddy.nodes == 1 + 2 * 8
    buddy.free_list(blocks)
    assert buddy.nodes == 1


@pytest.mark.parametrize(
    ("count", "new_size", "start"),
    [
        pytest.param(0, PAGE, None, id="nothing"),
        pytest.param(2, PAGE, None, id="two-blocks"),
        pytest.param(1, 0, None, id="to-nothing"),
        pytest.param(1, 17 * PAGE, None, id="to-more"),
        pytest.param(1, PAGE + 1, None, id="to-part-of-a-chunk"),
        pytest.param(1, PAGE, 0xEF000, id="before-the-block"),
        pytest.param(1, 2 * PAGE, 0xFF000, id="past-its-end"),
        pytest.param(1, PAGE, 0xF0800, id="at-part-of-a-chunk"),
    ],
)
def test_a_trim_that_cannot_be_is_refused(buddy: Buddy, count: int, new_size: int, start: int | None) -> None:
    blocks = [buddy.alloc_blocks(0, 0, 16 * PAGE, PAGE)[0] for _ in range(count)]
    with pytest.raises(EINVAL):
        buddy.trim(blocks, new_size, start)
    assert buddy.avail == MIB - 16 * PAGE * count


def test_a_freed_block_is_not_trimmed(buddy: Buddy) -> None:
    blocks = buddy.alloc_blocks(0, 0, 16 * PAGE, PAGE)
    buddy.free_list(blocks)
    with pytest.raises(EINVAL):
        buddy.trim(blocks, PAGE)


def test_a_trim_to_the_same_size_changes_nothing(buddy: Buddy) -> None:
    blocks = buddy.alloc_blocks(0, 0, 16 * PAGE, PAGE)
    assert buddy.trim(blocks, 16 * PAGE) == blocks


def test_a_trimmed_clear_block_leaves_clear_memory_behind(buddy: Buddy) -> None:
    buddy.reset_clear(is_clear=True)
    blocks = buddy.trim(buddy.alloc_blocks(0, 0, 16 * PAGE, PAGE, BuddyFlags.CLEAR), 3 * PAGE)
    assert all(block.clear for block in blocks)
    assert buddy.clear_avail == buddy.avail == MIB - 3 * PAGE


def test_a_contiguous_gib_makes_the_nodes_of_one_path_and_no_more() -> None:
    buddy = Buddy(80 * GIB)
    before = buddy.nodes
    blocks = buddy.alloc_blocks(0, 0, GIB, PAGE, BuddyFlags.CONTIGUOUS)
    assert buddy.nodes - before == 2 * 4  # from the root of 16 GiB four times in half
    buddy.free_list(blocks)
    assert buddy.nodes == before
