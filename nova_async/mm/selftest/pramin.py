"""The self-tests of the PRAMIN window. They write to memory that is still free."""

from nova_async.address import KIB, MIB
from nova_async.mm.gpu import Gpu
from nova_async.mm.selftest.expect import expect, expect_refused


def _area(gpu: Gpu) -> int:
    return gpu.mm.usable.start + 4 * KIB


async def pramin_bytes(gpu: Gpu) -> None:
    """Single bytes come back, and do not disturb their neighbours.

    Raises:
        EIO: one differs.
    """
    area = _area(gpu)
    async with gpu.mm.pramin.window() as window:
        for offset in range(1, 5):
            window.try_write8(area + offset, 0x9F + offset)
        for offset in range(1, 5):
            expect(f"byte {offset}", window.try_read8(area + offset), 0x9F + offset)


async def pramin_little_endian(gpu: Gpu) -> None:
    """A 32-bit word lies in memory with its lowest byte first.

    Raises:
        EIO: a byte differs.
    """
    word = _area(gpu) + 0x10
    async with gpu.mm.pramin.window() as window:
        window.try_write32(word, 0xDEADBEEF)
        for offset, wanted in enumerate((0xEF, 0xBE, 0xAD, 0xDE)):
            expect(f"byte {offset} of 0xdeadbeef", window.try_read8(word + offset), wanted)


async def pramin_moves(gpu: Gpu) -> None:
    """Two places 2 MiB apart, more than the window shows, keep their values in either order of reading.

    Raises:
        EIO: one differs.
    """
    low = _area(gpu)
    high = low + 2 * MIB
    async with gpu.mm.pramin.window() as window:
        window.try_write32(low, 0x11111111)
        window.try_write32(high, 0x22222222)
        for order in ((low, high), (high, low)):
            for address in order:
                wanted = 0x11111111 if address == low else 0x22222222
                expect(f"the word at {address:#x}", window.try_read32(address), wanted)


async def pramin_refuses(gpu: Gpu) -> None:
    """The last word of VRAM can be read, the one behind it cannot, and no misaligned one.

    Raises:
        EIO: a bad access was let through.
    """
    end, area = gpu.mm.pramin.vram_region.stop, _area(gpu)
    async with gpu.mm.pramin.window() as window:
        window.try_read32(end - 4)
        expect_refused("a 32-bit read behind the end of VRAM", lambda: window.try_read32(end))
        expect_refused("a 16-bit read at +0x21", lambda: window.try_read16(area + 0x21))
        expect_refused("a 32-bit read at +0x32", lambda: window.try_read32(area + 0x32))
        expect_refused("a 64-bit read at +0x44", lambda: window.try_read64(area + 0x44))
