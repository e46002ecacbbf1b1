from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_async.address import GIB, PAGE_SIZE
from nova_async.hw.bus import BusError
from nova_async.hw.vram import Vram


def test_memory_is_zero_at_power_on() -> None:
    assert Vram(PAGE_SIZE).read(0x10, 8) == 0


def test_words_are_little_endian() -> None:
    vram = Vram(PAGE_SIZE)
    vram.write(0x10, 4, 0xDEADBEEF)
    assert [vram.read(0x10 + lane, 1) for lane in range(4)] == [0xEF, 0xBE, 0xAD, 0xDE]
    assert vram.read(0x10, 8) == 0xDEADBEEF
    assert vram.read(0x12, 2) == 0xDEAD


def test_a_value_wider_than_the_access_is_cut() -> None:
    vram = Vram(PAGE_SIZE)
    vram.write(0, 2, 0x12345)
    assert vram.read(0, 4) == 0x2345


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_memory_ends_where_it_ends(width: int) -> None:
    vram = Vram(PAGE_SIZE)
    vram.write(PAGE_SIZE - width, width, 1)
    with pytest.raises(BusError, match="0x1000"):
        vram.read(PAGE_SIZE, width)
    with pytest.raises(BusError, match="0x1000"):
        vram.write(PAGE_SIZE, width, 1)


def test_a_run_that_leaves_memory_writes_nothing() -> None:
    vram = Vram(PAGE_SIZE)
    with pytest.raises(BusError):
        vram.write_run(PAGE_SIZE - 8, array("Q", [1, 2]))
    with pytest.raises(BusError):
        vram.fill(PAGE_SIZE - 8, 2, 1)
    with pytest.raises(BusError):
        vram.read_run(PAGE_SIZE - 8, 2)
    assert vram.touched_pages == ()


def test_a_huge_memory_costs_what_is_touched() -> None:
    vram = Vram(48 * GIB)
    vram.write(47 * GIB, 8, 1)
    vram.write(0x5000, 8, 0)
    vram.fill(GIB, 1 << 20, 0)
    assert vram.touched_pages == (47 * GIB >> 12,)


def test_a_page_filled_with_zero_is_dropped() -> None:
    vram = Vram(4 * PAGE_SIZE)
    vram.fill(0, 1024, 7)
    vram.fill(PAGE_SIZE, 512, 0)
    assert vram.touched_pages == (0,)
    assert vram.read(PAGE_SIZE, 8) == 0


def test_a_partial_zero_fill_keeps_the_rest_of_the_page() -> None:
    vram = Vram(PAGE_SIZE)
    vram.fill(0, 512, 7)
    vram.fill(8, 1, 0)
    assert list(vram.read_run(0, 3)) == [7, 0, 7]


@settings(deadline=None, max_examples=60)
@given(start=st.integers(0, 1100), values=st.lists(st.integers(0, 2**64 - 1), max_size=900))
def test_a_run_is_the_same_as_its_single_words(start: int, values: list[int]) -> None:
    vram, single = Vram(4 * PAGE_SIZE), Vram(4 * PAGE_SIZE)
    vram.write_run(start * 8, array("Q", values))
    for index, value in enumerate(values):
        single.write((start + index) * 8, 8, value)
    assert vram.read_run(0, 2048) == single.read_run(0, 2048)
    assert list(vram.read_run(start * 8, len(values))) == values
