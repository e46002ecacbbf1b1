"""hardware.md 1, and the PRAMIN self-tests of 4.7."""

from array import array

import pytest

from nova_async.address import KIB, MIB
from nova_async.errors import EINVAL, EIO, InternalError
from nova_async.mm import Gpu

AREA = 1 * MIB


async def test_bytes_written_are_read_back(gpu: Gpu) -> None:
    async with gpu.mm.pramin.window() as window:
        for offset in range(1, 5):
            window.try_write8(AREA + offset, 0x9F + offset)
        assert [window.try_read8(AREA + offset) for offset in range(1, 5)] == [0xA0, 0xA1, 0xA2, 0xA3]


async def test_a_word_is_little_endian_in_its_bytes(gpu: Gpu) -> None:
    async with gpu.mm.pramin.window() as window:
        window.try_write32(AREA + 0x10, 0xDEADBEEF)
        assert [window.try_read8(AREA + 0x10 + byte) for byte in range(4)] == [0xEF, 0xBE, 0xAD, 0xDE]
        assert window.try_read16(AREA + 0x12) == 0xDEAD


async def test_the_window_moves_between_places_two_mib_apart(gpu: Gpu) -> None:
    async with gpu.mm.pramin.window() as window:
        window.try_write32(AREA, 0x11111111)
        window.try_write32(AREA + 2 * MIB, 0x22222222)
        for _ in range(2):
            assert window.try_read32(AREA) == 0x11111111
            assert window.try_read32(AREA + 2 * MIB) == 0x22222222


async def test_the_base_stays_while_the_access_fits_the_current_mib(gpu: Gpu) -> None:
    traffic = gpu.board.traffic
    async with gpu.mm.pramin.window() as window:
        window.try_write64(AREA + 0x10000, 1)  # moves to the 64 KiB line
        before = traffic.window_writes
        window.try_write64(AREA + 0x10000 + MIB - 8, 1)
        assert traffic.window_writes == before
        window.try_write64(AREA + 0x10000 + MIB, 1)
        assert traffic.window_writes == before + 1
        window.try_write64(AREA + 0x8000, 1)  # below the base: moves back, to a line of 64 KiB
        assert traffic.window_writes == before + 2


async def test_the_base_survives_from_one_holder_to_the_next(gpu: Gpu) -> None:
    async with gpu.mm.pramin.window() as window:
        window.try_write64(AREA, 1)
    moves = gpu.board.traffic.window_writes
    async with gpu.mm.pramin.window() as window:
        assert window.try_read64(AREA) == 1
    assert gpu.board.traffic.window_writes == moves


@pytest.mark.parametrize(("width", "offset"), [(16, 0x21), (32, 0x32), (64, 0x44)])
async def test_a_misaligned_access_is_refused(gpu: Gpu, width: int, offset: int) -> None:
    async with gpu.mm.pramin.window() as window:
        with pytest.raises(EINVAL, match=f"{width}-bit"):
            getattr(window, f"try_read{width}")(AREA + offset)
        with pytest.raises(EINVAL, match=f"{width}-bit"):
            getattr(window, f"try_write{width}")(AREA + offset, 0)


async def test_an_access_at_or_across_the_end_of_vram_is_refused(gpu: Gpu) -> None:
    end = gpu.mm.pramin.vram_region.stop
    async with gpu.mm.pramin.window() as window:
        assert window.try_read64(end - 8) is not None
        for address in (end, end - 4, -8):
            with pytest.raises(EINVAL, match="VRAM"):
                window.try_read64(address)
        with pytest.raises(EINVAL, match="VRAM"):
            window.write_run(end - 8, array("Q", [1, 2]))


async def test_runs_cross_window_positions_and_move_it_as_little_as_possible(gpu: Gpu) -> None:
    words = array("Q", range(3 * MIB // 8))
    moves = gpu.board.traffic.window_writes
    async with gpu.mm.pramin.window() as window:
        window.write_run(AREA + 0x100, words)
        assert gpu.board.traffic.window_writes - moves == 4
        assert window.read_run(AREA + 0x100, len(words)) == words
        window.fill(AREA + 64 * KIB, 10, 7)
        assert list(window.read_run(AREA + 64 * KIB, 11))[-2:] == [7, words[(64 * KIB - 0x100) // 8 + 10]]


async def test_the_window_is_dead_after_its_block(gpu: Gpu) -> None:
    async with gpu.mm.pramin.window() as window:
        pass
    with pytest.raises(InternalError, match="pramin"):
        window.try_read32(AREA)


async def test_an_injected_bus_fault_is_an_eio(gpu: Gpu) -> None:
    gpu.kernel.faults.start({"mmio": 1.0})
    async with gpu.mm.pramin.window() as window:
        with pytest.raises(EIO, match="no answer"):
            window.try_read32(AREA)
