import tracemalloc
from collections.abc import Callable

import pytest

from nova_async.address import GIB, KIB, MIB
from nova_async.errors import UsageError
from nova_async.hw.board import Board, local_memory_range
from nova_async.hw.chipset import CHIPSETS, Chipset
from nova_async.hw.clock import Costs, ModelClock

BoardMaker = Callable[..., Board]


@pytest.mark.parametrize("chip", list(CHIPSETS.values()), ids=list(CHIPSETS))
def test_every_chip_boots_with_the_memory_of_a_usual_board(chip: Chipset) -> None:
    board = Board(chip)
    assert (board.vram.size, board.bar1.size) == (chip.vram, chip.bar1)
    assert Chipset.from_boot42(board.bar0.read32(0xA00)) is chip


def test_a_48_gib_board_costs_no_memory() -> None:
    tracemalloc.start()
    board = Board(Chipset.named("AD102"), vram=48 * GIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * KIB
    assert len(board.vram.touched_pages) == 1  # the instance block


@pytest.mark.parametrize("vram", [256 * KIB, MIB, MIB + 4 * KIB, 2 * MIB, 16 * MIB, 64 * MIB, 24 * GIB])
def test_regions_cover_memory_and_the_bar1_root_lies_above_the_usable_one(make_board: BoardMaker, vram: int) -> None:
    gsp = make_board(vram=vram).gsp
    low, usable, top = gsp.fb_regions
    assert (low.base, low.limit + 1, usable.limit + 1, top.limit + 1) == (0, usable.base, top.base, vram)
    assert gsp.total_fb_end == vram == low.size + usable.size + top.size
    assert usable.base % (64 * KIB) == 0
    assert top.base <= gsp.bar1_pde_base <= top.limit
    assert gsp.bar1_pde_base % 4096 == 0


def test_exactly_the_middle_region_is_usable_by_the_rule_of_4_6(board: Board) -> None:
    usable = [
        region.limit >= region.base
        and not region.reserved
        and not region.protected
        and region.support_compressed
        and region.support_iso
        for region in board.gsp.fb_regions
    ]
    assert usable == [False, True, False]


def test_a_small_board_keeps_most_of_its_memory_usable(make_board: BoardMaker) -> None:
    assert make_board(vram=MIB).gsp.fb_regions[1].size == 896 * KIB


def test_the_boot_of_gsp_is_no_traffic(board: Board) -> None:
    assert board.traffic.transactions == 0
    assert board.clock.now == 0


@pytest.mark.parametrize("vram", [0, 252 * KIB, MIB + 512])
def test_memory_too_small_or_not_whole_pages_is_refused(make_board: BoardMaker, vram: int) -> None:
    with pytest.raises(UsageError, match="256 KiB"):
        make_board(vram=vram)


def test_memory_beyond_the_window_is_refused(make_board: BoardMaker) -> None:
    with pytest.raises(UsageError, match="its window reaches 0x4000000000"):
        make_board("GH100", vram=512 * GIB)


def test_a_v2_board_may_have_more_memory_than_its_ptes_can_name(make_board: BoardMaker) -> None:
    assert make_board("GA100", vram=192 * GIB).vram.size == 192 * GIB


@pytest.mark.parametrize("bar1", [0, 2048, 3 * MIB])
def test_a_bar1_that_is_no_power_of_two_is_refused(make_board: BoardMaker, bar1: int) -> None:
    with pytest.raises(UsageError, match="power of two"):
        make_board(bar1=bar1)


@pytest.mark.parametrize(
    ("vram", "word"),
    [
        pytest.param(24 * GIB, 48 << 4 | 9, id="1-24GiB"),
        pytest.param(16 * MIB, 16 << 4, id="1-16MiB"),
        pytest.param(190 * GIB, 47 << 4 | 12, id="1-rounded-down"),
    ],
)
def test_the_memory_range_register_holds_magnitude_and_scale(make_board: BoardMaker, vram: int, word: int) -> None:
    assert local_memory_range(vram) == word
    board = make_board("GB100", vram=vram)
    assert board.bar0.read32(0x100CE0) == word
    assert (word >> 4) << (word & 0xF) <= vram // MIB


def test_the_usable_fb_register_is_in_mib(make_board: BoardMaker) -> None:
    assert make_board(vram=24 * GIB).bar0.read32(0x1183A4) == 24 * 1024


def test_bar1_and_bar2_blocks_are_registers(board: Board) -> None:
    top = board.gsp.fb_regions[2].base
    assert board.bar0.read32(0x1704) == 1 << 31 | top >> 12
    board.bar0.write32(0x1714, 0x80000123)
    assert board.bar0.read32(0x1714) == 0x80000123


def test_a_board_takes_the_clock_and_the_costs_it_is_given() -> None:
    clock = ModelClock()
    board = Board(Chipset.named("GA102"), vram=MIB, clock=clock, costs=Costs(read_ns=7))
    board.bar0.read32(0xA00)
    assert clock.now == 7
