"""hardware.md 4.5 and 4.7, and what issue-level users rely on: BAR1 and PRAMIN reach the same memory."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import KIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EINVAL, ENOSPC, EOVERFLOW, EPERM, ETIMEDOUT
from nova_async.hw.bus import is_error_pattern
from nova_async.mm import BarUser, Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks

Settled = Callable[[Gpu], Awaitable[None]]


async def buffer(gpu: Gpu, pages: int = 1, owner: str = "vgpu#0") -> AllocatedBlocks:
    return await gpu.mm.alloc_vram(pages * PAGE_SIZE, owner=owner)


async def test_what_bar1_writes_pramin_reads_at_the_physical_page_and_the_other_way_round(
    gpu: Gpu, settled: Settled
) -> None:
    blocks = await buffer(gpu, 3)
    frames = frames_of(blocks)
    async with await gpu.bar_user.map(frames, writable=True, owner="vgpu#0") as access:
        for page, frame in enumerate(frames):
            access.try_write32(0xCAFE0000 + page, page * PAGE_SIZE + 0x100)
            async with gpu.mm.pramin.window() as window:
                assert window.try_read32(frame.address() + 0x100) == 0xCAFE0000 + page
                window.try_write64(frame.address() + 0x200, 0x1122334455667788 + page)
            assert access.try_read64(page * PAGE_SIZE + 0x200) == 0x1122334455667788 + page
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_after_unmap_the_same_bar1_access_faults(gpu: Gpu, settled: Settled) -> None:
    blocks = await buffer(gpu)
    async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0") as access:
        access.try_write32(7, 0)
        place = int(access.base)
    faults = len(gpu.board.mmu.fault_buffer)
    assert is_error_pattern(gpu.board.bar1.read32(place), 4)
    assert len(gpu.board.mmu.fault_buffer) == faults + 1
    with pytest.raises(EINVAL, match="after unmap"):
        access.try_read32(0)
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_it_says_where_and_how_large_it_is(gpu: Gpu) -> None:
    blocks = await buffer(gpu, 2)
    async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0") as access:
        assert (access.size, access.num_pages) == (2 * PAGE_SIZE, 2)
        assert access.base == access.vfn_start * PAGE_SIZE


@pytest.mark.parametrize("offset", [-4, PAGE_SIZE, 2 * PAGE_SIZE])
async def test_an_offset_outside_the_mapping_is_refused(gpu: Gpu, offset: int) -> None:
    blocks = await buffer(gpu)
    async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0") as access:
        with pytest.raises(EINVAL, match="offset"):
            access.try_read32(offset)
        with pytest.raises(EINVAL, match="offset"):
            access.try_write64(1, offset)


async def test_a_read_only_mapping_drops_writes(gpu: Gpu) -> None:
    blocks = await buffer(gpu)
    async with await gpu.bar_user.map(frames_of(blocks), writable=False, owner="vgpu#0") as access:
        access.try_write32(7, 0)
        assert access.try_read32(0) == 0
        assert gpu.board.mmu.fault_buffer


async def test_no_frames_and_foreign_frames_are_refused(gpu: Gpu) -> None:
    with pytest.raises(EINVAL, match="a mapping of 0 pages"):
        await gpu.bar_user.map([], writable=True, owner="vgpu#0")
    theirs = frames_of(await buffer(gpu, owner="vgpu#1"))
    for frames in (theirs, [Pfn(1)], [Pfn(gpu.board.gsp.bar1_pde_base >> 12)]):
        with pytest.raises(EPERM, match="vgpu#0"):
            await gpu.bar_user.map(frames, writable=True, owner="vgpu#0")


async def test_many_mappings_are_live_at_once_and_a_full_bar_is_enospc(gpu: Gpu, settled: Settled) -> None:
    pages = gpu.board.bar1.size // PAGE_SIZE
    blocks = await buffer(gpu, pages + 1)
    frames = frames_of(blocks)
    live = [await gpu.bar_user.map([frame], writable=True, owner="vgpu#0") for frame in frames[:pages]]
    assert len({access.vfn_start for access in live}) == pages
    with pytest.raises(ENOSPC):
        await gpu.bar_user.map(frames[pages:], writable=True, owner="vgpu#0")
    for access in live:
        await access.unmap()
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_a_mapping_larger_than_the_bar_is_refused_at_map_time(gpu: Gpu, settled: Settled) -> None:
    blocks = await buffer(gpu, gpu.board.bar1.size // PAGE_SIZE + 1)
    with pytest.raises(EINVAL):
        await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0")
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_an_address_space_larger_than_the_bar_is_refused(gpu: Gpu) -> None:
    root = await buffer(gpu)
    vmm = gpu.vmm(VramAddress(root.address), 2 * gpu.board.bar1.size, name="wide", owner="driver")
    with pytest.raises(EINVAL, match="wide"):
        BarUser(gpu.board.bar1, vmm, gpu.mm.binding)


async def test_an_offset_that_leaves_64_bits_is_eoverflow(gpu: Gpu) -> None:
    blocks = await buffer(gpu)
    async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0") as access:
        with pytest.raises(EOVERFLOW, match="64 bits"):
            access.try_read32(1 << 64)
        with pytest.raises(EINVAL, match="EINVAL"):
            access.try_read64(4)


async def test_leaving_while_cancelled_still_unmaps(gpu: Gpu, settled: Settled) -> None:
    blocks = await buffer(gpu)
    with anyio.CancelScope() as scope:
        async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0"):
            scope.cancel()
            await checkpoint()
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_an_unmap_that_times_out_can_be_tried_again(gpu: Gpu, settled: Settled) -> None:
    blocks = await buffer(gpu)
    access = await gpu.bar_user.map(frames_of(blocks), writable=True, owner="vgpu#0")
    gpu.kernel.faults.start({"tlb": 1.0})
    with pytest.raises(ETIMEDOUT):
        await access.unmap()
    gpu.kernel.faults.stop()
    await access.unmap()
    await access.unmap()
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_memory_freed_by_one_client_reads_as_zero_for_the_next(gpu: Gpu, settled: Settled) -> None:
    blocks = await buffer(gpu, 64 * KIB // PAGE_SIZE)
    address = blocks.address
    async with gpu.mm.pramin.window() as window:
        window.fill(address, 64 * KIB // 8, 0x5EC7E75EC7E75EC7)
    gpu.mm.free_vram(blocks)
    await gpu.mm.deferred.drain()
    again = await buffer(gpu, 64 * KIB // PAGE_SIZE, owner="vgpu#1")
    assert again.address == address
    async with gpu.mm.pramin.window() as window:
        assert not any(window.read_run(address, 64 * KIB // 8))
    gpu.mm.free_vram(again)
    await settled(gpu)


async def test_memory_that_firmware_left_dirty_is_scrubbed_before_it_is_handed_out(gpu: Gpu) -> None:
    usable = gpu.mm.usable
    async with gpu.mm.pramin.window() as window:
        window.fill(usable.start, len(usable) // 8, 0xD1127D1127)
    blocks = await buffer(gpu, 4)
    async with gpu.mm.pramin.window() as window:
        assert not any(window.read_run(blocks.address, 4 * PAGE_SIZE // 8))
