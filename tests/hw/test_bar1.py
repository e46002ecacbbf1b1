from collections.abc import Callable, Iterable

import pytest

from nova_async.address import MIB
from nova_async.errors import EINVAL
from nova_async.hw.board import Board
from nova_async.hw.bus import Traffic
from nova_async.hw.mmu import Access, Fault, FaultKind

MapBar1 = Callable[[Board, Iterable[tuple[int, int]]], int]
BAR1_BLOCK = 0x1704
FRAME = 0x200  # of the page at 0x200000
WRITABLE = FRAME << 8 | 0x01
READ_ONLY = FRAME << 8 | 0x41
PRIVILEGED = FRAME << 8 | 0x21
COHERENT = FRAME << 8 | 0x05
SPARSE = 0x08
BEYOND = (64 * MIB >> 12) << 8 | 0x01
ERROR = 0xBADF5000


def test_what_pramin_writes_bar1_reads(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0x3000, WRITABLE)])
    board.bar0.write32(0x1700, 0x20)
    board.bar0.write32(0x700100, 0xDEADBEEF)
    assert board.bar1.read32(0x3100) == 0xDEADBEEF


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_every_width_reads_back(board: Board, map_bar1: MapBar1, width: int) -> None:
    map_bar1(board, [(0, WRITABLE)])
    value = 0xF1E2D3C4B5A69788 & (1 << width) - 1
    getattr(board.bar1, f"write{width}")(0x40, value)
    assert getattr(board.bar1, f"read{width}")(0x40) == value
    assert board.vram.read(0x200040, 8) == value


def test_an_unmapped_page_reads_an_error_and_drops_writes_and_faults(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [])
    pdb = board.gsp.bar1_pde_base
    assert board.bar1.read64(0x5008) == ERROR << 32 | ERROR
    board.bar1.write32(0x5008, 1)
    assert board.mmu.fault_buffer == [
        Fault(pdb, 0x5008, Access.READ, FaultKind.PTE, 4),
        Fault(pdb, 0x5008, Access.WRITE, FaultKind.PTE, 4),
    ]


def test_bar1_is_empty_after_boot(board: Board) -> None:
    assert board.bar1.read32(0) == ERROR
    assert [fault.kind for fault in board.mmu.fault_buffer] == [FaultKind.PDE]


def test_a_read_only_page_takes_no_write(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, READ_ONLY)])
    board.bar1.write32(0, 7)
    assert board.vram.read(0x200000, 4) == 0
    assert board.bar1.read32(0) == 0
    assert [fault.kind for fault in board.mmu.fault_buffer] == [FaultKind.READ_ONLY]


def test_the_host_is_no_privileged_client(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, PRIVILEGED)])
    assert board.bar1.read32(0) == ERROR
    assert [fault.kind for fault in board.mmu.fault_buffer] == [FaultKind.PRIVILEGE]


def test_a_page_in_system_memory_reads_an_error_without_a_fault(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, COHERENT)])
    board.bar1.write32(0, 7)
    assert board.bar1.read32(0) == ERROR
    assert board.vram.read(0x200000, 4) == 0
    assert board.mmu.fault_buffer == []


def test_a_sparse_page_reads_zero_and_drops_writes_without_a_fault(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, SPARSE)])
    board.bar1.write32(0, 7)
    assert board.bar1.read32(0) == 0
    assert board.mmu.fault_buffer == []


def test_a_page_beyond_memory_reads_the_absent_word(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, BEYOND)])
    board.bar1.write32(0, 7)
    assert board.bar1.read32(0) == 0xBAD0FB00


@pytest.mark.parametrize(("width", "offset"), [(16, 0x21), (32, 0x32), (64, 0x44), (64, 0xFFC), (32, MIB), (8, -1)])
def test_an_access_misaligned_over_a_page_end_or_beyond_the_bar_is_refused(
    board: Board, width: int, offset: int
) -> None:
    with pytest.raises(EINVAL, match="BAR1"):
        getattr(board.bar1, f"read{width}")(offset)
    with pytest.raises(EINVAL, match="BAR1"):
        getattr(board.bar1, f"write{width}")(offset, 1)


def test_a_stale_translation_reaches_the_old_page_until_the_invalidate(board: Board, map_bar1: MapBar1) -> None:
    table = map_bar1(board, [(0, WRITABLE)])
    board.vram.write(0x200000, 4, 0xA)
    board.vram.write(0x201000, 4, 0xB)
    assert board.bar1.read32(0) == 0xA
    board.vram.write(table, 8, (FRAME + 1) << 8 | 1)
    assert board.bar1.read32(0) == 0xA
    board.bar0.write32(0xB830A0, board.gsp.bar1_pde_base >> 8)
    board.bar0.write32(0xB830A4, 0)
    board.bar0.write32(0xB830B0, 0x80000001)
    assert board.bar1.read32(0) == 0xB


def test_accesses_are_counted_and_cost_time(board: Board) -> None:
    board.bar1.read32(0)
    board.bar1.write8(0, 1)
    assert board.traffic == Traffic(bar1_reads=1, bar1_writes=1)
    assert board.clock.now == board.costs.read_ns + board.costs.write_ns


def test_a_removed_device_reads_all_ones_and_does_not_fault(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, WRITABLE)])
    board.remove()
    board.bar1.write64(0, 7)
    assert board.bar1.read64(0) == 0xFFFFFFFF_FFFFFFFF
    assert board.vram.read(0x200000, 8) == 0
    assert board.mmu.fault_buffer == []


def test_physical_mode_goes_straight_to_memory(board: Board) -> None:
    board.vram.write(0x4000, 4, 0xF00D)
    board.bar0.write32(BAR1_BLOCK, 0)
    assert board.bar1.read32(0x4000) == 0xF00D
    assert board.bar0.read32(BAR1_BLOCK) == 0


@pytest.mark.parametrize(
    ("pointer", "dword"),
    [
        pytest.param(0x80000300, 0x401, id="2.7-pdb-target-invalid"),
        pytest.param(0x80000300, 0x402, id="2.7-pdb-target-coherent"),
        pytest.param(0x80000300, 0x000, id="2.7-not-V2-format"),
        pytest.param(0xA0000300, 0x400, id="1-block-in-system-memory"),
        pytest.param(0x80FFFFFF, 0x400, id="1-block-beyond-memory"),
    ],
)
def test_a_block_that_cannot_be_used_is_unbound(board: Board, pointer: int, dword: int) -> None:
    board.vram.write(0x300000 + 512, 4, dword)
    board.bar0.write32(BAR1_BLOCK, pointer)
    assert board.bar1.read32(0) == ERROR
    assert board.mmu.fault_buffer == [Fault(None, 0, Access.READ, FaultKind.UNBOUND_INSTANCE_BLOCK, 0)]


def test_another_block_binds_another_address_space(board: Board, map_bar1: MapBar1) -> None:
    map_bar1(board, [(0, WRITABLE)])
    board.vram.write(0x300000 + 512, 4, 0x305C00)  # PDB 0x305000, V2 format, 64K big pages
    board.bar0.write32(BAR1_BLOCK, 0x80000300)
    assert board.bar1.read32(0) == ERROR
    assert board.mmu.fault_buffer[-1].pdb == 0x305000
