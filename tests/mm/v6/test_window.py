"""January's window by itself: what it costs and what it refuses (hardware.md 1, seed document 1)."""

import pytest

from nova_async.address import KIB, MIB
from nova_async.errors import EINVAL, ENODEV
from nova_async.hw.bus import Traffic
from nova_async.mm import Gpu
from nova_async.mm.v6 import Devres, Window

AREA = 1 * MIB


def since(gpu: Gpu, before: Traffic) -> tuple[int, int, int]:
    """Reads, data writes and window moves."""
    spent = gpu.board.traffic - before
    return spent.reads, spent.writes - spent.window_writes, spent.window_writes


@pytest.fixture
def bar(january: Gpu) -> Devres:
    return Devres(january.board.bar0)


async def test_making_a_window_reads_the_register_once(january: Gpu, bar: Devres) -> None:
    before = january.board.traffic.snapshot()
    async with Window(bar):
        pass
    assert since(january, before) == (1, 0, 0)


@pytest.mark.parametrize("width", [8, 16, 32, 64])
async def test_what_is_written_is_read_back_at_every_width(bar: Devres, width: int) -> None:
    value = 0x8877665544332211 & ((1 << width) - 1)
    async with Window(bar) as window:
        await getattr(window, f"try_write{width}")(AREA + 0x48, value)
        assert await getattr(window, f"try_read{width}")(AREA + 0x48) == value
        assert await window.try_read8(AREA + 0x48) == 0x11


async def test_january_moves_at_every_64_kib_line_where_may_does_not_move_at_all(january: Gpu, bar: Devres) -> None:
    lines = [AREA + line * 64 * KIB for line in range(16)]
    before = january.board.traffic.snapshot()
    async with january.mm.pramin.window() as may:
        for address in lines:
            may.try_write64(address, 7)
    assert since(january, before) == (0, 16, 1)

    before = january.board.traffic.snapshot()
    async with Window(bar) as window:
        for address in lines:
            await window.try_write64(address, 7)
        assert since(january, before) == (1, 16, 15)  # the base was on the first line already
    assert since(january, before) == (1, 16, 16)  # and is back there


async def test_january_moves_back_and_forth_across_a_line_where_may_stays(january: Gpu, bar: Devres) -> None:
    there_and_back = [AREA, AREA + 64 * KIB] * 5
    before = january.board.traffic.snapshot()
    async with january.mm.pramin.window() as may:
        for address in there_and_back:
            may.try_read64(address)
    assert since(january, before) == (10, 0, 1)

    before = january.board.traffic.snapshot()
    async with Window(bar) as window:
        for address in there_and_back:
            await window.try_read64(address)
    assert since(january, before) == (11, 0, 10)


async def test_may_restores_nothing_and_january_the_base_it_found(january: Gpu, bar: Devres) -> None:
    async with january.mm.pramin.window() as may:
        may.try_write64(2 * MIB, 1)
    assert january.board.bar0.window.base == 2 * MIB
    async with Window(bar) as window:
        await window.try_write64(3 * MIB, 1)
        assert january.board.bar0.window.base == 3 * MIB
    assert january.board.bar0.window.base == 2 * MIB


async def test_the_base_is_restored_also_when_the_block_fails(january: Gpu, bar: Devres) -> None:
    async def fail() -> None:
        async with Window(bar) as window:
            await window.try_write64(3 * MIB, 1)
            await window.try_read64(1 << 40)

    with pytest.raises(EINVAL):
        await fail()
    assert january.board.bar0.window.base == 0


async def test_addresses_of_40_bits_are_accepted_however_little_vram_there_is(bar: Devres) -> None:
    async with Window(bar) as window:
        garbage = await window.try_read32((1 << 40) - 4)  # far beyond the board's memory
        assert garbage >> 8 == 0xBAD0FB
        for address in ((1 << 40) - 4, 1 << 40, -8):
            with pytest.raises(EINVAL, match="40 bits"):
                await window.try_read64(address)


async def test_a_misaligned_access_is_refused_after_the_window_has_moved(january: Gpu, bar: Devres) -> None:
    async with Window(bar) as window:
        with pytest.raises(EINVAL, match="multiple of 4"):
            await window.try_read32(AREA + 0x32)
        assert january.board.bar0.window.base == AREA


async def test_after_unbind_there_is_enodev_and_no_restore(january: Gpu, bar: Devres) -> None:
    async with Window(bar) as window:
        await window.try_write64(AREA, 1)
        bar.revoke()
        with pytest.raises(ENODEV):
            await window.try_read64(AREA)
    assert january.board.bar0.window.base == AREA
    with pytest.raises(ENODEV):
        await Window(bar).__aenter__()


async def test_the_target_field_is_written_as_video_memory(january: Gpu, bar: Devres) -> None:
    january.board.bar0.write32(0x1700, 3 << 24 | 0x20)
    async with Window(bar) as window:
        assert window.current_base == 2 * MIB
        await window.try_write64(AREA, 1)
        assert january.board.bar0.read32(0x1700) == AREA >> 16
