import time
from array import array
from collections.abc import Callable

import pytest

from nova_async.address import MIB
from nova_async.errors import EINVAL
from nova_async.hw.board import Board
from nova_async.hw.bus import Traffic

BoardMaker = Callable[..., Board]
PRAMIN = 0x700000
PBUS_WINDOW = 0x1700
XAL_WINDOW = 0x10FD40
BOOT_42 = 0xA00
ABSENT_32 = 0xBAD0FB00


def test_pramin_shows_the_start_of_memory_at_reset(board: Board) -> None:
    board.vram.write(0x1234, 4, 0xCAFEBABE)
    assert board.bar0.read32(PBUS_WINDOW) == 0
    assert board.bar0.read32(PRAMIN + 0x1234) == 0xCAFEBABE


def test_the_window_moves_in_steps_of_64_kib(board: Board) -> None:
    board.bar0.write32(PBUS_WINDOW, 3)
    board.bar0.write32(PRAMIN + 0x20, 0x11111111)
    assert board.vram.read(0x30020, 4) == 0x11111111
    assert board.bar0.read32(PBUS_WINDOW) == 3


def test_the_window_is_one_mib(board: Board) -> None:
    board.bar0.write32(PBUS_WINDOW, 1)
    board.bar0.write8(PRAMIN + MIB - 1, 0x5A)
    assert board.vram.read(0x10000 + MIB - 1, 1) == 0x5A
    assert board.bar0.read8(PRAMIN + MIB) == 0x00  # the byte after it is a register: low byte of the decode error
    assert board.bar0.read32(PRAMIN - 4) == 0xBADF1100


def test_bytes_of_a_word_are_little_endian_through_the_window(board: Board) -> None:
    board.bar0.write32(PRAMIN + 0x10, 0xDEADBEEF)
    assert [board.bar0.read8(PRAMIN + 0x10 + lane) for lane in range(4)] == [0xEF, 0xBE, 0xAD, 0xDE]


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_every_width_reads_back(board: Board, width: int) -> None:
    value = 0xF1E2D3C4B5A69788 & (1 << width) - 1
    getattr(board.bar0, f"write{width}")(PRAMIN + 0x40, value)
    assert getattr(board.bar0, f"read{width}")(PRAMIN + 0x40) == value
    assert board.bar0.read64(PRAMIN + 0x48) == 0


@pytest.mark.parametrize(("width", "offset"), [(16, 0x21), (32, 0x32), (64, 0x44)])
def test_a_misaligned_access_is_refused(board: Board, width: int, offset: int) -> None:
    with pytest.raises(EINVAL):
        getattr(board.bar0, f"read{width}")(PRAMIN + offset)
    with pytest.raises(EINVAL):
        getattr(board.bar0, f"write{width}")(PRAMIN + offset, 1)
    assert board.traffic == Traffic()


@pytest.mark.parametrize("offset", [16 * MIB, -4])
def test_an_access_beyond_bar0_is_refused(board: Board, offset: int) -> None:
    with pytest.raises(EINVAL, match="BAR0"):
        board.bar0.read32(offset)


@pytest.mark.parametrize(
    ("chip", "mask"),
    [
        pytest.param("TU102", 0x3FFFFFF, id="1-PBUS-base-and-target"),
        pytest.param("GH100", 0x3FFFFF, id="1-XAL-22-bits"),
        pytest.param("GB202", 0x7FFFFF, id="1-XAL-23-bits"),
    ],
)
def test_the_window_register_implements_its_bits_only(make_board: BoardMaker, chip: str, mask: int) -> None:
    board = make_board(chip)
    board.bar0.write32(board.chipset.window.offset, 0xFFFFFFFF)
    assert board.bar0.read32(board.chipset.window.offset) == mask


@pytest.mark.parametrize(("chip", "foreign"), [("GA102", XAL_WINDOW), ("GH100", PBUS_WINDOW), ("GB100", PBUS_WINDOW)])
def test_a_chip_has_its_own_window_register_only(make_board: BoardMaker, chip: str, foreign: int) -> None:
    board = make_board(chip)
    board.vram.write(0, 4, 1)
    board.bar0.write32(foreign, 1)
    assert board.bar0.read32(foreign) == 0xBADF1100
    assert board.bar0.read32(PRAMIN) == 1


@pytest.mark.parametrize(("chip", "word"), [("GA102", ABSENT_32), ("GH100", 0xBADF0200), ("GB203", 0xBADF0200)])
def test_memory_that_is_not_there_reads_as_the_error_word(make_board: BoardMaker, chip: str, word: int) -> None:
    board = make_board(chip)
    board.bar0.write32(board.chipset.window.offset, 16 * MIB >> 16)
    board.bar0.write32(PRAMIN, 7)
    assert board.bar0.read32(PRAMIN) == word
    assert board.bar0.read64(PRAMIN) == word << 32 | word


@pytest.mark.parametrize("target", [1, 2, 3])
def test_a_window_on_other_memory_reads_an_error_and_drops_writes(board: Board, target: int) -> None:
    board.bar0.write32(PBUS_WINDOW, target << 24)
    board.bar0.write32(PRAMIN + 0x100, 5)
    board.bar0.fill(PRAMIN + 0x100, 4, 5)
    assert board.bar0.read32(PRAMIN + 0x100) == 0xBADF5000
    assert board.vram.read(0x100, 4) == 0


def test_a_register_nobody_knows_reads_the_decode_error_and_drops_writes(board: Board) -> None:
    board.bar0.write32(0x4444, 1)
    assert board.bar0.read32(0x4444) == 0xBADF1100
    assert board.bar0.read64(0x4448) == 0xBADF1100_BADF1100


@pytest.mark.parametrize("width", [8, 16, 64])
def test_registers_answer_32_bit_accesses_only(board: Board, width: int) -> None:
    getattr(board.bar0, f"write{width}")(PBUS_WINDOW, 3)
    assert board.bar0.read32(PBUS_WINDOW) == 0
    assert getattr(board.bar0, f"read{width}")(BOOT_42) == 0xBADF5000_BADF5000 & (1 << width) - 1


def test_boot_42_cannot_be_written(board: Board) -> None:
    board.bar0.write32(BOOT_42, 0)
    assert board.bar0.read32(BOOT_42) == 0x17200000


def test_a_removed_device_reads_all_ones_and_drops_writes(board: Board) -> None:
    board.bar0.write64(PRAMIN, 5)
    board.remove()
    board.bar0.write64(PRAMIN, 6)
    board.bar0.fill(PRAMIN, 1, 6)
    board.bar0.write32(PBUS_WINDOW, 1)
    assert not board.present
    assert board.bar0.read8(BOOT_42) == 0xFF
    assert board.bar0.read32(BOOT_42) == 0xFFFFFFFF
    assert list(board.bar0.read_run(PRAMIN, 2)) == [0xFFFFFFFF_FFFFFFFF] * 2
    assert board.vram.read(0, 8) == 5
    assert board.traffic.window_writes == 0


def test_a_read_that_a_fault_plan_fails_returns_the_pri_timeout(board: Board) -> None:
    board.vram.write(0, 8, 5)
    board.bar0.read_fails = lambda offset, length: offset == PRAMIN
    assert board.bar0.read32(PRAMIN) == 0xBAD00100
    assert list(board.bar0.read_run(PRAMIN, 1)) == [0xBAD00100_BAD00100]
    assert board.bar0.read32(PRAMIN + 4) == 0
    board.bar0.read_fails = None
    assert board.bar0.read32(PRAMIN) == 5


def test_runs_are_the_same_as_single_accesses(board: Board) -> None:
    values = array("Q", range(1, 601))
    board.bar0.write32(PBUS_WINDOW, 2)
    board.bar0.write_run(PRAMIN + 0x0F08, values)
    assert [board.bar0.read64(PRAMIN + 0x0F08 + 8 * index) for index in range(600)] == list(values)
    assert board.bar0.read_run(PRAMIN + 0x0F08, 600) == values
    board.bar0.fill(PRAMIN + 0x0F08, 599, 9)
    assert list(board.bar0.read_run(PRAMIN + 0x0F08, 601)) == [9] * 599 + [600, 0]


def test_every_element_of_a_run_is_a_transaction_and_costs_time(board: Board) -> None:
    board.bar0.write_run(PRAMIN, array("Q", [1] * 10))
    board.bar0.fill(PRAMIN, 20, 0)
    board.bar0.read_run(PRAMIN, 5)
    assert board.traffic == Traffic(reads=5, writes=30)
    assert board.clock.now == 30 * board.costs.write_ns + 5 * board.costs.read_ns


def test_single_accesses_are_counted_and_cost_time(board: Board) -> None:
    board.bar0.write32(PBUS_WINDOW, 1)
    board.bar0.write8(PRAMIN, 1)
    board.bar0.read64(PRAMIN)
    assert board.traffic == Traffic(reads=1, writes=2, window_writes=1)
    assert board.clock.now == 2 * board.costs.write_ns + board.costs.read_ns


@pytest.mark.parametrize(
    ("offset", "count"),
    [(PRAMIN - 8, 2), (PRAMIN + MIB - 8, 2), (PRAMIN + 4, 1), (PRAMIN, -1), (BOOT_42, 1)],
)
def test_a_run_stays_inside_pramin(board: Board, offset: int, count: int) -> None:
    with pytest.raises(EINVAL, match="PRAMIN"):
        board.bar0.read_run(offset, count)
    with pytest.raises(EINVAL, match="PRAMIN"):
        board.bar0.fill(offset, count, 0)
    assert board.traffic == Traffic()


def test_a_run_over_the_end_of_memory_keeps_what_is_there(board: Board) -> None:
    board.bar0.write32(PBUS_WINDOW, (16 * MIB >> 16) - 1)
    board.bar0.write_run(PRAMIN + 0xFFF0, array("Q", [1, 2, 3, 4]))
    word = ABSENT_32 << 32 | ABSENT_32
    assert list(board.bar0.read_run(PRAMIN + 0xFFF0, 4)) == [1, 2, word, word]
    assert list(board.bar0.read_run(PRAMIN + 0x20000, 1)) == [word]


def test_writing_a_quarter_million_ptes_takes_milliseconds(board: Board) -> None:
    ptes = array("Q", range(1 << 17))
    start = time.perf_counter()
    for _ in range(2):
        board.bar0.write_run(PRAMIN, ptes)
    assert time.perf_counter() - start < 0.25  # some 2 ms on an idle machine; element by element 200 ms
