"""NOVA311 and NOVA313: whose a frame is, and who may write to it or map it."""

from contextlib import suppress
from typing import Any

from nova_async.address import PAGE_SIZE, Pfn, VramAddress
from nova_async.errors import EPERM
from nova_async.mm.published import Vmm as PublishedVmm


async def test_a_write_to_a_page_that_was_freed_is_311_and_one_before_is_not(watched: Any) -> None:
    buffer = await watched.buffer(pages=2)
    async with watched.gpu.mm.pramin.window() as window:
        window.fill(buffer.address, 2 * PAGE_SIZE // 8, 1)
    assert watched.codes == []
    await watched.free(buffer)
    async with watched.gpu.mm.pramin.window() as window:
        window.try_read64(buffer.address)
        assert watched.codes == []
        window.try_write32(buffer.address + PAGE_SIZE, 1)
    assert watched.codes == ["NOVA311"]
    assert f"writes to frame {(buffer.address >> 12) + 1:#x}, which is free" in watched.said


async def test_a_run_of_writes_that_ends_in_a_free_page_is_311(watched: Any) -> None:
    start = watched.gpu.mm.usable.start  # below it is firmware's, and the first page is handed out last
    async with watched.gpu.mm.pramin.window() as window:
        window.fill(start - PAGE_SIZE, PAGE_SIZE // 8)
        assert watched.codes == []
        window.fill(start - PAGE_SIZE, PAGE_SIZE // 8 + 1)
    assert watched.codes == ["NOVA311"]


async def test_a_write_through_bar1_to_a_page_that_was_freed_is_311(watched: Any) -> None:
    buffer = await watched.buffer()
    access = await watched.gpu.bar_user.map(watched.frames(buffer), writable=True, owner="me")
    await watched.free(buffer)
    assert watched.codes == ["NOVA301"]
    access.try_write32(1, 0)
    assert watched.codes == ["NOVA301", "NOVA311"]


async def test_scrubbing_and_what_firmware_keeps_are_no_finding(watched: Any) -> None:
    for _ in range(2):
        await watched.free(await watched.buffer(pages=3))
    watched.gpu.board.vram.write(0, 8, 1)
    watched.gpu.board.vram.write(watched.gpu.board.vram.size - 8, 8, 1)
    assert watched.codes == []


async def test_a_frame_of_another_owner_is_313_and_names_both(watched: Any) -> None:
    root, theirs = await watched.buffer(), await watched.gpu.mm.alloc_vram(PAGE_SIZE, owner="guest")
    version = watched.gpu.chipset.mmu_version
    vmm = PublishedVmm(watched.gpu.mm, VramAddress(root.address), version, 64 * PAGE_SIZE, name="space", owner="me")
    await vmm.map_pages(watched.frames(theirs), writable=True)
    assert watched.codes == ["NOVA313"]
    assert "of guest at" in watched.said
    assert "of space, for me" in watched.said


async def test_a_frame_of_firmware_is_313(watched: Any) -> None:
    root = await watched.buffer()
    version = watched.gpu.chipset.mmu_version
    vmm = PublishedVmm(watched.gpu.mm, VramAddress(root.address), version, 64 * PAGE_SIZE, name="space", owner="me")
    await vmm.map_pages([Pfn(1)], writable=True)
    assert watched.codes == ["NOVA313"]


async def test_one_owner_maps_for_another_if_the_execute_says_so(watched: Any) -> None:
    theirs = await watched.gpu.mm.alloc_vram(PAGE_SIZE, owner="guest")
    vmm = await watched.space()
    with suppress(EPERM):
        await vmm.map_pages(watched.frames(theirs), writable=True)
    await vmm.unmap_pages(await vmm.map_pages(watched.frames(theirs), writable=True, owner="guest"))
    assert watched.codes == []
