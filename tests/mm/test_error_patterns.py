"""hardware.md 1: what the bus returns for a bad read is never decoded as a page-table entry, and widths are kept."""

from collections.abc import Callable

import pytest

from nova_async.address import MIB, PAGE_SIZE, Vfn, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EINVAL, EIO
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.mm import Gpu
from nova_async.mm.pramin import Pramin
from nova_async.mm.regs import pramin_window

Break = Callable[[Board], None]


def silent_bus(board: Board) -> None:
    board.bar0.read_fails = lambda offset, length: offset >= 0x700000


def lost(board: Board) -> None:
    board.remove()


@pytest.mark.parametrize("broken", [silent_bus, lost])
async def test_a_walk_over_a_bus_that_does_not_answer_is_an_eio(gpu: Gpu, broken: Break) -> None:
    blocks = await gpu.mm.alloc_vram(PAGE_SIZE, owner="driver")
    mapped = await gpu.bar_user.vmm.map_pages(frames_of(blocks), writable=True)
    broken(gpu.board)
    with pytest.raises(EIO, match="the bus answered"):
        await gpu.bar_user.vmm.read_mapping(Vfn(mapped.vfn_start))


@pytest.mark.parametrize("broken", [silent_bus, lost])
async def test_prepare_takes_no_answer_for_an_entry(gpu: Gpu, broken: Break) -> None:
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="driver")
    vmm = gpu.vmm(VramAddress(root.address), MIB, name="space", owner="driver")
    broken(gpu.board)
    with pytest.raises(EIO, match="the bus answered"):
        await vmm.prepare_map(1)


@pytest.mark.parametrize("depth", range(6))
async def test_each_level_of_a_walk_looks_at_what_the_bus_says(gpu: Gpu, depth: int) -> None:
    blocks = await gpu.mm.alloc_vram(PAGE_SIZE, owner="driver")
    mapped = await gpu.bar_user.vmm.map_pages(frames_of(blocks), writable=True)
    reads = 0

    def fails(offset: int, length: int) -> bool:
        nonlocal reads
        reads += offset >= 0x700000
        return offset >= 0x700000 and reads == depth + 1

    gpu.board.bar0.read_fails = fails
    levels = 6 if gpu.chipset.name == "GH100" else 5
    if depth >= levels:
        assert await gpu.bar_user.vmm.read_mapping(Vfn(mapped.vfn_start)) is not None
        return
    with pytest.raises(EIO, match="the bus answered"):
        await gpu.bar_user.vmm.read_mapping(Vfn(mapped.vfn_start))


@pytest.mark.parametrize("chip", ["TU102", "GA102", "AD102", "GH100", "GB100", "GB202"])
async def test_a_base_too_wide_is_refused_when_the_window_moves_and_the_base_stays(kernel: Kernel, chip: str) -> None:
    chipset = Chipset.named(chip)
    board = Board(chipset, vram=4 * MIB)
    register = pramin_window(chipset.architecture)
    pramin = Pramin(kernel, board.bar0, register, range(1 << 44))
    async with pramin.window() as window:
        window.try_write64(2 * MIB, 7)
        base = register.read_base(board.bar0)
        for access in (window.try_read8, window.try_read64, lambda address: window.read_run(address, 2)):
            with pytest.raises(EINVAL, match=f"{register.address_bits} bits"):
                access(1 << register.address_bits)
        assert register.read_base(board.bar0) == base
        assert window.try_read64(2 * MIB) == 7


async def test_an_address_space_wider_than_the_format_is_refused(probe: Callable[..., Gpu]) -> None:
    for chip, bits in (("GA102", 49), ("GH100", 57)):
        gpu = probe(chip)
        with pytest.raises(EINVAL, match=f"{bits} bits"):
            gpu.vmm(VramAddress(0x1000), 1 << (bits + 1), name="wide", owner="driver")
