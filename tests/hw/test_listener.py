from array import array
from collections.abc import Callable, Iterable

import pytest

from nova_async.hw.board import Board
from nova_async.hw.listener import Listener
from nova_async.hw.mmu import Fault, FaultKind, Translation

MapBar1 = Callable[[Board, Iterable[tuple[int, int]]], int]
PRAMIN = 0x700000


class Diary(Listener):
    """Writes down everything."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:
        self.events.append(("pramin", physical, width, write))

    def vram_written(self, address: int, length: int) -> None:
        self.events.append(("vram", address, length))

    def register_written(self, offset: int, value: int) -> None:
        self.events.append(("register", offset, value))

    def translated(self, pdb: int, va: int, translation: Translation, *, hit: bool) -> None:
        self.events.append(("translated", va, translation.physical(va), hit))

    def invalidated(self, pdb: int | None) -> None:
        self.events.append(("invalidated", pdb))

    def faulted(self, fault: Fault) -> None:
        self.events.append(("faulted", fault.va, fault.kind))


@pytest.fixture
def diary(board: Board, map_bar1: MapBar1) -> Diary:
    map_bar1(board, [(0, 0x200 << 8 | 1)])
    listener = Diary()
    board.listeners.append(listener)
    return listener


def test_window_accesses_are_told_with_their_physical_address(board: Board, diary: Diary) -> None:
    board.bar0.write32(0x1700, 2)
    board.bar0.write16(PRAMIN + 6, 1)
    board.bar0.read64(PRAMIN + 8)
    assert diary.events == [
        ("register", 0x1700, 2),
        ("vram", 0x20006, 2),
        ("pramin", 0x20006, 2, True),
        ("pramin", 0x20008, 8, False),
    ]


def test_a_run_is_told_once_with_its_length(board: Board, diary: Diary) -> None:
    board.bar0.write_run(PRAMIN, array("Q", [1] * 600))
    board.bar0.fill(PRAMIN + 0x1000, 512, 0)
    board.bar0.read_run(PRAMIN, 3)
    assert diary.events == [
        ("vram", 0, 4800),
        ("pramin", 0, 4800, True),
        ("vram", 0x1000, 4096),
        ("pramin", 0x1000, 4096, True),
        ("pramin", 0, 24, False),
    ]


def test_a_zero_written_to_an_untouched_page_is_told(board: Board, diary: Diary) -> None:
    board.vram.write(0x50000, 8, 0)
    assert diary.events == [("vram", 0x50000, 8)]


def test_bar1_accesses_are_told_as_translations(board: Board, diary: Diary) -> None:
    board.bar1.write32(0x10, 5)
    board.bar1.read32(0x10)
    board.bar1.read32(0x4000)
    assert diary.events == [
        ("translated", 0x10, 0x200010, False),
        ("vram", 0x200010, 4),
        ("translated", 0x10, 0x200010, True),
        ("faulted", 0x4000, FaultKind.PTE),
    ]


def test_invalidates_are_told_with_their_scope(board: Board, diary: Diary) -> None:
    board.tlb.invalidate(0x5000)
    board.tlb.invalidate(None)
    assert diary.events == [("invalidated", 0x5000), ("invalidated", None)]


def test_a_plain_listener_needs_no_hook(board: Board, diary: Diary) -> None:
    board.listeners[:] = [Listener()]
    board.bar0.write32(0x1700, 2)
    board.bar0.write64(PRAMIN, 1)
    board.bar1.read32(0)
    board.bar1.read32(0x8000)
    board.tlb.invalidate(None)
    assert diary.events == []
    assert board.vram.read(0x20000, 8) == 1


def test_a_removed_device_tells_nothing(board: Board, diary: Diary) -> None:
    board.remove()
    board.bar0.write64(PRAMIN, 1)
    board.bar0.write32(0x1700, 2)
    board.bar1.write32(0, 1)
    assert diary.events == []
