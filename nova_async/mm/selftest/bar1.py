"""The self-tests of address spaces, seen through BAR1: what the driver writes is what the hardware walks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nova_async.address import KIB, MIB, PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.errors import EINVAL, EIO
from nova_async.mm.bar_user import BarAccess
from nova_async.mm.gpu import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.selftest.expect import expect, expect_refused
from nova_async.mm.vmm import Vmm

OWNER = "selftest"
SMALL_SPACE = 64 * KIB
TOP_OF_SMALL_SPACE = 15
"""A plain request takes the highest free block, so the first page of 64 KiB is the last one (hardware.md 5)."""
HOLE = 0x14000
SCATTERED = range(0x10000, 0x19000)
SCATTERED_BLOCKS = ((0x10000, 0x4000), (0x16000, 0x2000), (0x15000, 0x1000), (0x18000, 0x1000))
"""Around the hole, biggest first and each from the left: not ascending (hardware.md 4.7)."""


async def bar1_one_page(gpu: Gpu) -> None:
    """What PRAMIN writes into a page, BAR1 reads where a small address space maps it.

    Raises:
        EIO: the page is not where it should be.
    """
    async with _small_space(gpu) as vmm, _vram(gpu) as page:
        mapped = await vmm.map_pages(_frames(page), writable=True)
        expect("the first virtual frame of 64 KiB", mapped.vfn_start, TOP_OF_SMALL_SPACE)
        async with BarAccess(gpu.board.bar1, mapped, gpu.mm.binding) as access:
            await _poke(gpu, page.address + 0x100, 0xDEADBEEF)
            expect("the page through BAR1", access.try_read32(0x100), 0xDEADBEEF)


async def bar1_two_phases(gpu: Gpu) -> None:
    """Prepare and execute map a frame, unmap ends that, the address is used again, and the old range is not.

    Raises:
        EIO: the tables say something else, or the old range is accepted.
    """
    async with _small_space(gpu) as vmm, _vram(gpu) as page:
        (frame,) = _frames(page)
        mapped = await vmm.execute_map(await vmm.prepare_map(1), [frame], writable=True)
        vfn = Vfn(mapped.vfn_start)
        expect(f"the frame of virtual frame {vfn:#x}", await vmm.read_mapping(vfn), frame)
        await vmm.unmap_pages(mapped)
        expect(f"virtual frame {vfn:#x} after its unmap", await vmm.read_mapping(vfn), None)
        await gpu.mm.deferred.drain()
        again = await vmm.map_pages([frame], writable=True)
        expect("the virtual frame of the next mapping", again.vfn_start, vfn)
        try:
            await vmm.unmap_pages(mapped)
        except EINVAL:
            await vmm.unmap_pages(again)
            return
        raise EIO(f"a second unmap of virtual frame {vfn:#x} was let through", expected="EINVAL")


async def bar1_scattered(gpu: Gpu) -> None:
    """Blocks on both sides of a hole, not ascending, are one range through BAR1, page by page.

    Raises:
        EIO: the allocator chose other blocks, or a page is not where it should be.
    """
    async with _vram(gpu, PAGE_SIZE, range(HOLE, HOLE + PAGE_SIZE)), _vram(gpu, 32 * KIB, SCATTERED) as blocks:
        _check_blocks(gpu, blocks)
        frames = _frames(blocks)
        async with await gpu.bar_user.map(frames, writable=True, owner=OWNER) as access:
            for page in range(len(frames)):
                access.try_write32(0xCAFEBABE + page, page * PAGE_SIZE)
        for page, frame in enumerate(frames):
            expect(f"page {page} through PRAMIN", await _peek(gpu, frame.address()), 0xCAFEBABE + page)


async def bar1_user(gpu: Gpu) -> None:
    """A BAR1 mapping reads what PRAMIN writes, in both widths, and nothing outside itself.

    Raises:
        EIO: a value differs, or an offset behind the mapping is accepted.
    """
    async with _vram(gpu) as page:
        async with await gpu.bar_user.map(_frames(page), writable=True, owner=OWNER) as access:
            await _poke(gpu, page.address + 8, 0x12345678)
            await _poke(gpu, page.address + 12, 0x9ABCDEF0)
            expect("the low word", access.try_read32(8), 0x12345678)
            expect("both words", access.try_read64(8), 0x9ABCDEF0_12345678)
            expect_refused("an offset behind the mapping", lambda: access.try_read32(PAGE_SIZE))
        expect_refused("an access after unmap", lambda: access.try_read32(0))


async def bar1_read_only(gpu: Gpu) -> None:
    """A page mapped read-only can be read and not written.

    Raises:
        EIO: the write arrived, or the read did not.
    """
    async with _vram(gpu) as page:
        await _poke(gpu, page.address, 0x0DDC0FFE)
        async with await gpu.bar_user.map(_frames(page), writable=False, owner=OWNER) as access:
            expect("a read-only page through BAR1", access.try_read32(0), 0x0DDC0FFE)
            access.try_write32(0xBAD, 0)
        expect("a read-only page after a write through BAR1", await _peek(gpu, page.address), 0x0DDC0FFE)


async def bar1_reuses_addresses(gpu: Gpu) -> None:
    """A page mapped where another was is the one that is read: nothing of the old mapping is remembered.

    Raises:
        EIO: the old page shows.
    """
    async with _vram(gpu) as first, _vram(gpu) as second:
        await _poke(gpu, first.address, 0x01D)
        await _poke(gpu, second.address, 0x4E3)
        async with await gpu.bar_user.map(_frames(first), writable=True, owner=OWNER) as access:
            base = access.base
            expect("the first page", access.try_read32(0), 0x01D)
        await gpu.mm.deferred.drain()
        async with await gpu.bar_user.map(_frames(second), writable=True, owner=OWNER) as access:
            expect("the address of the second page", access.base, base)
            expect("the second page, at the address of the first", access.try_read32(0), 0x4E3)


async def bar1_far_apart(gpu: Gpu) -> None:
    """Pages at both ends of BAR1 and on both sides of a table's edge are all different.

    Raises:
        EIO: two addresses lead to one page, or one leads nowhere.
    """
    top = gpu.board.bar1.size - PAGE_SIZE
    places = (0, 2 * MIB - PAGE_SIZE, 2 * MIB, top // 2 & -PAGE_SIZE, top)
    vmm = gpu.bar_user.vmm
    async with _vram(gpu, len(places) * PAGE_SIZE) as pages:
        frames = _frames(pages)
        ranges = []
        for place, frame in zip(places, frames, strict=True):
            here = range(place, place + PAGE_SIZE)
            ranges.append(await vmm.map_pages([frame], here, writable=True, owner=OWNER))
        accesses = [BarAccess(gpu.board.bar1, mapped, gpu.mm.binding) for mapped in ranges]
        for number, access in enumerate(accesses):
            access.try_write64(number, 8 * number)
        for number, (place, frame) in enumerate(zip(places, frames, strict=True)):
            expect(f"the page at {place:#x}", await _peek(gpu, frame.address() + 8 * number), number)
            expect(f"the page at {place:#x} through BAR1", accesses[number].try_read64(8 * number), number)
        for access in accesses:
            await access.unmap()


def _check_blocks(gpu: Gpu, blocks: AllocatedBlocks) -> None:
    start = gpu.mm.usable.start
    expect("the sum of the blocks", blocks.size, 32 * KIB)
    found = [(run.start * PAGE_SIZE - start, len(run) * PAGE_SIZE) for run in blocks.frames()]
    expect("the number of blocks", len(found), len(SCATTERED_BLOCKS))
    for number, (block, wanted) in enumerate(zip(found, SCATTERED_BLOCKS, strict=True)):
        expect(f"the place of block {number}", block[0], wanted[0])
        expect(f"the size of block {number}", block[1], wanted[1])


def _frames(blocks: AllocatedBlocks) -> list[Pfn]:
    """In the order of the blocks."""
    return [Pfn(frame) for run in blocks.frames() for frame in run]


async def _poke(gpu: Gpu, address: int, value: int) -> None:
    async with gpu.mm.pramin.window() as window:
        window.try_write32(address, value)


async def _peek(gpu: Gpu, address: int) -> int:
    async with gpu.mm.pramin.window() as window:
        return window.try_read32(address)


@asynccontextmanager
async def _small_space(gpu: Gpu) -> AsyncIterator[Vmm]:
    """An address space of 64 KiB on the root of BAR1, which has no user yet and lends it."""
    root = VramAddress(gpu.board.gsp.bar1_pde_base)
    gpu.mm.release_root(root)
    vmm = gpu.vmm(root, SMALL_SPACE, name="selftest", owner=OWNER)
    yield vmm
    await vmm.close()
    gpu.mm.adopt_root(root, gpu.bar_user.vmm)


@asynccontextmanager
async def _vram(gpu: Gpu, size: int = PAGE_SIZE, within: range | None = None) -> AsyncIterator[AllocatedBlocks]:
    blocks = await gpu.mm.alloc_from(gpu.mm.buddy, size, owner=OWNER, within=within)
    gpu.mm.owners.grant(blocks.frames(), OWNER)
    yield blocks
    gpu.mm.free_vram(blocks)
