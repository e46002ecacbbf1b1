"""What the KUnit suite ``gpu_buddy`` asserts of ranges: cases alloc_range and alloc_range_bias."""

from itertools import pairwise
from random import Random

import pytest

from nova_async.address import KIB, MIB
from nova_async.errors import EINVAL, ENOSPC, Errno
from nova_async.mm.buddy import Block, Buddy, BuddyFlags
from nova_async.mm.buddy.block import total_size

PAGE = 4 * KIB
SPACE = 16 * MIB
IN_RANGE = BuddyFlags.RANGE


def exact(buddy: Buddy, start: int, end: int) -> list[Block]:
    return buddy.alloc_blocks(start, end, end - start, PAGE)


def covers(blocks: list[Block], start: int, end: int) -> bool:
    edges = [start, *(block.end for block in blocks)]
    return edges[:-1] == [block.offset for block in blocks] and edges[-1] == end


def test_alloc_range_the_whole_space_is_one_exact_range() -> None:
    buddy = Buddy(SPACE)
    blocks = exact(buddy, 0, SPACE)
    assert covers(blocks, 0, SPACE)
    assert buddy.avail == 0
    with pytest.raises(ENOSPC):
        exact(buddy, 0, PAGE)
    buddy.free_list(blocks)
    assert buddy.avail == SPACE


@pytest.mark.parametrize(
    "edges",
    [
        pytest.param([0, SPACE // 4, SPACE // 2, 3 * SPACE // 4, SPACE], id="quarters"),
        pytest.param([0, PAGE, SPACE // 2, SPACE // 2 + PAGE, SPACE - PAGE, SPACE], id="single-pages"),
        pytest.param([0, 64 * KIB, 128 * KIB, MIB, 2 * MIB, 4 * MIB, 8 * MIB, SPACE], id="powers-of-two"),
    ],
)
def test_alloc_range_neighbouring_ranges_fill_the_space(edges: list[int]) -> None:
    buddy = Buddy(SPACE)
    for start, end in pairwise(edges):
        assert covers(exact(buddy, start, end), start, end)
    assert buddy.avail == 0


def test_alloc_range_a_range_may_be_one_root_or_all_of_them() -> None:
    buddy = Buddy(7 * MIB)
    roots = [exact(buddy, start * MIB, end * MIB) for start, end in ((0, 4), (4, 6), (6, 7))]
    assert roots == [[root] for root in buddy.roots]
    for blocks in roots:
        buddy.free_list(blocks)
    assert covers(exact(buddy, 0, 7 * MIB), 0, 7 * MIB)


@pytest.mark.parametrize("seed", range(5))
def test_alloc_range_random_slices_in_random_order_fill_the_space(seed: int) -> None:
    random = Random(seed)
    edges = [0, *sorted(random.sample(range(PAGE, SPACE, PAGE), 15)), SPACE]
    slices = list(pairwise(edges))
    random.shuffle(slices)
    buddy = Buddy(SPACE)
    for start, end in slices:
        assert covers(exact(buddy, start, end), start, end)
    assert buddy.avail == 0


def test_alloc_range_a_conflict_takes_nothing() -> None:
    buddy = Buddy(SPACE)
    half = SPACE // 2
    exact(buddy, 0, half)
    for start, end in ((0, SPACE), (0, half), (half - PAGE, half + PAGE)):
        with pytest.raises(ENOSPC):
            exact(buddy, start, end)
    assert buddy.avail == half
    assert covers(exact(buddy, half, SPACE), half, SPACE)


def test_alloc_range_a_checkerboard_has_no_free_pair() -> None:
    buddy = Buddy(64 * KIB)
    for offset in range(0, 64 * KIB, 2 * PAGE):
        exact(buddy, offset, offset + PAGE)
    with pytest.raises(ENOSPC):
        exact(buddy, 0, 2 * PAGE)
    assert covers(exact(buddy, PAGE, 2 * PAGE), PAGE, 2 * PAGE)


@pytest.mark.parametrize(
    ("start", "size"),
    [
        pytest.param(PAGE // 2, PAGE, id="start-unaligned"),
        pytest.param(0, PAGE + 1, id="size-unaligned"),
        pytest.param(SPACE, PAGE, id="beyond-the-end"),
    ],
)
def test_alloc_range_a_range_that_cannot_be_is_refused(start: int, size: int) -> None:
    buddy = Buddy(SPACE)
    with pytest.raises(EINVAL):
        exact(buddy, start, start + size)
    assert buddy.avail == SPACE


def test_alloc_range_a_freed_range_can_be_had_again_and_again() -> None:
    buddy = Buddy(SPACE)
    for _ in range(5):
        blocks = exact(buddy, 4 * MIB, 6 * MIB)
        assert covers(blocks, 4 * MIB, 6 * MIB)
        buddy.free_list(blocks)
        assert (buddy.avail, buddy.nodes) == (SPACE, 1)


def inside(blocks: list[Block], start: int, end: int) -> bool:
    return all(block.within(start, end) for block in blocks)


@pytest.fixture(params=[4 * KIB, 64 * KIB, 512 * KIB])
def biased(request: pytest.FixtureRequest) -> Buddy:
    chunk: int = request.param
    return Buddy(8 * MIB - chunk, chunk)  # several roots


def test_alloc_range_bias_what_does_not_fit_into_the_range_is_refused(biased: Buddy) -> None:
    chunk = biased.chunk_size
    for start in range(0, biased.size - MIB, MIB):
        end = start + MIB
        for first, last, size, smallest in (
            (start, end, MIB + chunk, MIB),
            (start, end, MIB + chunk, chunk),
            (start + chunk, end, MIB, chunk),
            (start + chunk, end - chunk, MIB // 2, MIB // 2),
        ):
            with pytest.raises(Errno):
                biased.alloc_blocks(first, last, size, smallest, IN_RANGE)
    assert biased.avail == biased.size


@pytest.mark.parametrize("seed", range(4))
def test_alloc_range_bias_nothing_leaks_out_of_a_range(biased: Buddy, seed: int) -> None:
    random, chunk = Random(seed), biased.chunk_size
    starts = list(range(0, biased.size - MIB, MIB))
    random.shuffle(starts)
    for start in starts:
        end = start + MIB
        for size, smallest in ((MIB, MIB), (chunk, MIB)):
            blocks = biased.alloc_blocks(start, end, size, smallest, IN_RANGE)
            assert inside(blocks, start, end)
            biased.free_list(blocks)
        size = random.randrange(chunk, MIB, chunk) if chunk < MIB else chunk
        kept = biased.alloc_blocks(start, end, size, chunk, IN_RANGE)
        with pytest.raises(ENOSPC):
            biased.alloc_blocks(start, end, MIB - size + chunk, chunk, IN_RANGE)
        rest = biased.alloc_blocks(start, end, MIB - size, chunk, IN_RANGE)
        assert inside(kept + rest, start, end)
        assert total_size(kept + rest) == MIB


@pytest.mark.parametrize("seed", range(4))
def test_alloc_range_bias_a_growing_range_is_filled_to_the_last_chunk(biased: Buddy, seed: int) -> None:
    random, chunk, total = Random(seed), biased.chunk_size, biased.size
    start = random.randrange(0, total, chunk)
    end = random.randrange(start + chunk, total + chunk, chunk)
    while biased.avail:
        free = sum(
            min(offset + size, end) - max(offset, start)
            for offset, size in biased.free_runs()
            if offset < end and start < offset + size
        )
        if free:
            size = random.randrange(chunk, free + chunk, chunk)
            assert inside(biased.alloc_blocks(start, end, size, chunk, IN_RANGE), start, end)
        start = random.randrange(0, start + chunk, chunk)
        end = random.randrange(end, total + chunk, chunk)
    with pytest.raises(ENOSPC):
        biased.alloc_blocks(0, total, chunk, chunk, IN_RANGE)


def test_alloc_range_bias_with_nothing_cleared_a_clear_request_gets_dirty_memory(biased: Buddy) -> None:
    blocks = biased.alloc_blocks(MIB, 3 * MIB, MIB, biased.chunk_size, IN_RANGE | BuddyFlags.CLEAR)
    assert inside(blocks, MIB, 3 * MIB)
    assert not any(block.clear for block in blocks)
