"""The entries of hardware.md 2.5, and where the published code reads and writes them differently from today's."""

import pytest

from nova_async.mm.pagetable import FORMATS, EntryFormat
from nova_async.mm.pagetable.ver2 import VER2
from nova_async.mm.pagetable.ver3 import VER3
from nova_async.mm.published.entries import PublishedEntries, entry_address, word_offsets

V2, V3 = PublishedEntries(VER2), PublishedEntries(VER3)


@pytest.mark.parametrize("frame", [0, 1, 0x12345, (1 << 25) - 1])
def test_leaves_and_pointers_are_the_golden_ones(frame: int) -> None:
    assert V2.pte(frame, writable=True) == (frame << 8) + 0x01
    assert V2.pte(frame, writable=False) == (frame << 8) + 0x41
    assert V3.pte(frame, writable=True) == (frame << 12) + 0x041
    assert V3.pte(frame, writable=False) == (frame << 12) + 0x061
    plain, dual = VER2.directories[0], VER2.directories[-1]
    assert V2.install_words(plain, frame << 12) == ((0, (frame << 8) + 0x02),)
    assert V2.install_words(dual, frame << 12) == ((0, 0), (8, (frame << 8) + 0x02))


@pytest.mark.parametrize("layout", FORMATS.values())
def test_a_frame_too_wide_loses_its_upper_bits_where_today_it_is_refused(layout: EntryFormat) -> None:
    entries = PublishedEntries(layout)
    wide = (1 << layout.frame_bits) + 7
    assert entries.pte(wide, writable=True) == entries.pte(7, writable=True)
    level = layout.directories[0]
    assert entries.install_words(level, wide << 12) == entries.install_words(level, 7 << 12)


@pytest.mark.parametrize("aperture", [0x2, 0x4, 0x6])
def test_b13_a_table_in_any_memory_is_followed_into_video_memory(aperture: int) -> None:
    assert V2.table(0x5 << 8 | aperture) == 0x5000
    assert V3.table(0x5 << 12 | aperture) == 0x5000
    assert (VER2.pde_frame(0x5 << 8 | aperture) is None) is (aperture != 0x2)


def test_bit_0_makes_a_v2_pointer_invalid_and_a_v3_one_not() -> None:
    assert V2.table(0x5 << 8 | 0x3) is None
    assert V3.table(0x5 << 12 | 0x3) == 0x5000


@pytest.mark.parametrize("entries", [V2, V3])
def test_b15_what_a_lost_device_reads_is_a_mapped_page(entries: PublishedEntries) -> None:
    assert entries.pte_frame((1 << 64) - 1) == (1 << entries.layout.frame_bits) - 1


def test_b15_a_lost_device_has_tables_on_v3_only() -> None:
    assert V2.table((1 << 64) - 1) is None
    assert V3.table((1 << 64) - 1) is not None


def test_a_dual_entry_is_addressed_as_a_whole_and_its_small_half_read_last() -> None:
    dual = VER2.directories[-1]
    assert entry_address(dual, 0x1000, 3 << 9) == 0x1000 + 3 * 16
    assert word_offsets(dual) == (0, 8)
    assert word_offsets(VER2.directories[0]) == (0,)


def test_a_virtual_frame_beyond_the_address_width_wraps_around() -> None:
    root = VER2.directories[0]
    assert entry_address(root, 0x1000, 1 << 37) == entry_address(root, 0x1000, 0)
