from collections.abc import Callable

import pytest

from nova_async.hw.board import Board
from nova_async.hw.mmu import Translation
from nova_async.hw.mmu.decode import decode_pte
from nova_async.hw.mmu.formats import V2

LO, HI, CTRL = 0xB830A0, 0xB830A4, 0xB830B0
TRIGGER, ALL_PDB, ALL_VA = 1 << 31, 1 << 1, 1 << 0
PAGE = Translation(0, 0x1000, 0x5000, decode_pte(V2.pte, 1).flags, 0x8000, 4)
LOW_PDB = 0x12345000
HIGH_PDB = 0xAB_12345000 | 0xCD << 40

Flush = Callable[[int, int], None]


@pytest.fixture
def flush(board: Board) -> Flush:
    """The three writes of the driver, for a PDB and a CTRL."""

    def write(pdb: int, control: int) -> None:
        board.bar0.write32(LO, pdb >> 8 & 0xFFFFFFFF)
        board.bar0.write32(HI, pdb >> 40)
        board.bar0.write32(CTRL, control)

    return write


@pytest.fixture(autouse=True)
def two_spaces_are_cached(board: Board) -> None:
    board.tlb.fill(LOW_PDB, PAGE)
    board.tlb.fill(HIGH_PDB, PAGE)


@pytest.mark.parametrize(("pdb", "left"), [(LOW_PDB, HIGH_PDB), (HIGH_PDB, LOW_PDB)], ids=["32-bit", "48-bit"])
def test_the_flush_of_nova_v6_forgets_one_address_space(board: Board, flush: Flush, pdb: int, left: int) -> None:
    flush(pdb, 0x80000001)
    assert board.tlb.pdbs == (left,)
    assert board.invalidate.pdb == pdb


def test_all_pdb_ignores_the_pdb_registers(board: Board, flush: Flush) -> None:
    flush(0x999000, TRIGGER | ALL_PDB | ALL_VA)
    assert board.tlb.pdbs == ()


@pytest.mark.parametrize(
    "control", [ALL_VA, ALL_VA | ALL_PDB, TRIGGER], ids=["no-trigger", "no-trigger-all", "single-va"]
)
def test_nothing_is_forgotten_without_the_trigger_or_all_va(board: Board, flush: Flush, control: int) -> None:
    flush(LOW_PDB, control)
    assert board.tlb.pdbs == (LOW_PDB, HIGH_PDB)


def test_a_page_directory_in_system_memory_is_another_one(board: Board, flush: Flush) -> None:
    flush(LOW_PDB | 0x200, TRIGGER | ALL_VA)  # bit 1 of LO
    assert board.tlb.pdbs == (LOW_PDB, HIGH_PDB)


def test_the_trigger_reads_1_until_done(board: Board, flush: Flush) -> None:
    flush(LOW_PDB, TRIGGER | ALL_VA)
    assert board.bar0.read32(CTRL) == TRIGGER | ALL_VA
    board.clock.advance(board.costs.invalidate_ns - board.costs.read_ns - 1)
    assert board.invalidate.busy
    board.clock.advance(1)
    assert board.bar0.read32(CTRL) == ALL_VA


def test_a_read_that_ends_after_the_invalidate_sees_it_done(board: Board, flush: Flush) -> None:
    flush(LOW_PDB, TRIGGER | ALL_VA)
    polls = 1
    while board.bar0.read32(CTRL) & TRIGGER:
        polls += 1
    assert polls == board.costs.invalidate_ns // board.costs.read_ns


def test_a_stuck_trigger_never_clears_and_forgets_nothing(board: Board, flush: Flush) -> None:
    board.invalidate.stuck = True
    flush(LOW_PDB, TRIGGER | ALL_VA)
    board.clock.advance(10**12)
    assert board.bar0.read32(CTRL) & TRIGGER
    assert board.tlb.pdbs == (LOW_PDB, HIGH_PDB)


def test_a_unit_that_comes_loose_does_what_was_asked_by_the_registers_of_then(board: Board, flush: Flush) -> None:
    board.invalidate.stuck = True
    flush(LOW_PDB, TRIGGER | ALL_VA)
    board.bar0.write32(LO, 0)
    board.clock.advance(10**6)
    board.invalidate.stuck = False
    assert board.tlb.pdbs == (HIGH_PDB,)
    assert not board.bar0.read32(CTRL) & TRIGGER


def test_two_drivers_that_interleave_lose_one_invalidate(board: Board) -> None:
    board.bar0.write32(LO, LOW_PDB >> 8)
    board.bar0.write32(HI, 0)
    board.bar0.write32(LO, 0x777000 >> 8)  # the other driver
    board.bar0.write32(CTRL, TRIGGER | ALL_VA)
    assert LOW_PDB in board.tlb.pdbs


def test_the_registers_keep_the_bits_they_have(board: Board) -> None:
    for offset in (LO, HI):
        board.bar0.write32(offset, 0xFFFFFFFF)
    assert board.bar0.read32(LO) == 0xFFFFFFF2
    assert board.bar0.read32(HI) == 0x000FFFFF


def test_every_trigger_is_counted(board: Board, flush: Flush) -> None:
    flush(LOW_PDB, TRIGGER | ALL_VA)
    flush(LOW_PDB, ALL_VA)
    assert board.traffic.flushes == 1
