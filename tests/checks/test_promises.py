"""NOVA307: fewer table pages than a prepared mapping needs."""

from typing import Any

from nova_async.address import GIB, MIB, PAGE_SIZE, VramAddress
from nova_async.mm import Vmm
from nova_async.mm.published import Vmm as PublishedVmm


async def space(watched: Any) -> Vmm:
    root = (await watched.buffer()).address
    made: Vmm = watched.gpu.vmm(VramAddress(root), 4 * GIB, name="space", owner="me")
    return made


async def test_prepares_that_share_tables_and_go_in_any_order_are_no_finding(watched: Any) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer(pages=3))
    places = (0, 2 * MIB - PAGE_SIZE, 2 * MIB, 512 * MIB, GIB)
    pending = [await vmm.prepare_map(1, range(at, at + PAGE_SIZE)) for at in places]
    across = await vmm.prepare_map(3, range(4 * MIB - PAGE_SIZE, 4 * MIB + 2 * PAGE_SIZE))
    for prepared in pending[1::2]:
        await vmm.abort(prepared)
    mapped = [await vmm.execute_map(prepared, frames[:1], writable=True) for prepared in pending[::2]]
    mapped.append(await vmm.execute_map(across, frames, writable=True))
    for one in mapped:
        await vmm.unmap_pages(one)
        await vmm.reclaim_tables()
    await vmm.close()
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == []


async def test_a_promised_page_that_is_freed_is_307_whoever_frees_it(watched: Any) -> None:
    vmm = await space(watched)
    prepared = await vmm.prepare_map(1)
    await watched.free(prepared.path.pages[1].alloc)
    assert watched.codes == ["NOVA307"]
    assert "which a mapping was promised" in watched.said


async def test_an_execute_that_counts_on_a_page_that_was_given_back_is_307(watched: Any) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer())
    prepared = await vmm.prepare_map(1)
    watched.gpu.mm.free_vram(prepared.path.pages[1].alloc)
    assert watched.codes == []
    await vmm.execute_map(prepared, frames, writable=True)
    assert watched.codes == ["NOVA307"]
    assert "which was given back" in watched.said


async def test_a_prepare_that_leaves_a_table_out_is_307(watched: Any, monkeypatch: Any) -> None:
    vmm = await space(watched)
    claim = Vmm._take_part

    async def too_few(vmm: Vmm, frames: range) -> Any:
        path = await claim(vmm, frames)
        del path.pages[-1]
        return path

    monkeypatch.setattr(Vmm, "_take_part", too_few)
    await vmm.prepare_map(1)
    assert "NOVA307" in watched.codes
    assert "leads nowhere, and no page is set aside" in watched.said


async def test_a_slot_that_another_table_was_put_in_is_307(watched: Any) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer())
    prepared = await vmm.prepare_map(1)
    other = await watched.buffer()
    async with watched.window(vmm) as window:
        window.try_write64(prepared.path.pages[0].slot, watched.entries.pde(VramAddress(other.address).frame()))
    await vmm.execute_map(prepared, frames, writable=True)
    assert watched.codes[0] == "NOVA307"
    assert "set aside for it" in watched.said


async def test_room_for_fewer_pages_than_wait_is_307(watched: Any) -> None:
    root = await watched.buffer()
    version = watched.gpu.chipset.mmu_version
    vmm = PublishedVmm(watched.gpu.mm, VramAddress(root.address), version, 4 * GIB, name="space", owner="me")
    await vmm.prepare_map(1, range(PAGE_SIZE))
    assert watched.codes == []
    await vmm.prepare_map(1, range(512 * MIB, 512 * MIB + PAGE_SIZE))
    if version.name == "V3":  # has room for one more
        await vmm.prepare_map(1, range(GIB, GIB + PAGE_SIZE))
    assert watched.codes == ["NOVA307"]
    assert "wait to be recorded" in watched.said
