"""hardware.md 2.5, the golden values, and 4.3, the upper bound of table pages."""

import pytest

from nova_async.address import Pfn
from nova_async.errors import EINVAL
from nova_async.mm.pagetable.format import EntryFormat
from nova_async.mm.pagetable.ver2 import VER2
from nova_async.mm.pagetable.ver3 import VER3

FRAMES = [0, 1, 0x200, 0x12345, (1 << 25) - 1]


@pytest.mark.parametrize("frame", FRAMES)
def test_v2_entries_are_the_golden_ones(frame: int) -> None:
    assert VER2.pte(frame, writable=True) == (frame << 8) + 0x01
    assert VER2.pte(frame, writable=False) == (frame << 8) + 0x41
    assert VER2.pde(Pfn(frame)) == (frame << 8) + 0x02


@pytest.mark.parametrize("frame", [*FRAMES, (1 << 40) - 1])
def test_v3_entries_are_the_golden_ones(frame: int) -> None:
    assert VER3.pte(frame, writable=True) == (frame << 12) + 0x041
    assert VER3.pte(frame, writable=False) == (frame << 12) + 0x061
    assert VER3.pde(Pfn(frame)) == (frame << 12) + 0x002


@pytest.mark.parametrize("entries", [VER2, VER3], ids=["V2", "V3"])
@pytest.mark.parametrize("frame", FRAMES)
def test_what_was_encoded_is_decoded(entries: EntryFormat, frame: int) -> None:
    assert entries.pte_frame(entries.pte(frame, writable=True)) == frame
    assert entries.pde_frame(entries.pde(Pfn(frame))) == frame


@pytest.mark.parametrize("entries", [VER2, VER3], ids=["V2", "V3"])
def test_a_frame_too_wide_for_the_field_is_refused_not_cut_off(entries: EntryFormat) -> None:
    first = (1 << entries.frame_bits) - 1
    assert entries.pte_run(first, 1, writable=True)
    with pytest.raises(EINVAL, match=entries.name):
        entries.pte_run(first, 2, writable=True)
    with pytest.raises(EINVAL, match=f"{entries.frame_bits} bits"):
        entries.pde(Pfn(first + 1))


def test_invalid_and_foreign_directory_entries_point_to_no_table() -> None:
    for entry in (0x0, 0x1, 0x3 | 5 << 8, 0x4 | 5 << 8, 0x6 | 5 << 8):
        assert VER2.pde_frame(entry) is None
    for entry in (0x0, 0x4 | 5 << 12, 0x6 | 5 << 12):
        assert VER3.pde_frame(entry) is None


@pytest.mark.parametrize(
    ("entries", "pages", "bound"),
    [
        (VER2, 1, 5),
        (VER3, 1, 6),
        (VER2, 512, 5),
        (VER2, 513, 6),
        (VER2, 1 << 18, 517),
        (VER3, 1 << 18, 518),
    ],
)
def test_the_upper_bound_of_table_pages_is_the_published_one(entries: EntryFormat, pages: int, bound: int) -> None:
    assert entries.pt_pages_upper_bound(pages) == bound


def test_a_run_holds_the_entries_of_consecutive_frames() -> None:
    run = VER2.pte_run(0x100, 3, writable=False)
    assert list(run) == [VER2.pte(frame, writable=False) for frame in (0x100, 0x101, 0x102)]
