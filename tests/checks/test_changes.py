"""NOVA310: used for something else before the TLB was told; and the same things in the right order."""

from typing import Any

import pytest

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.findings import Severity
from nova_async.hw.mmu import Access
from nova_async.mm.published import Vmm as PublishedVmm


async def published(watched: Any) -> PublishedVmm:
    root = await watched.buffer()
    version = watched.gpu.chipset.mmu_version
    return PublishedVmm(watched.gpu.mm, VramAddress(root.address), version, 64 * PAGE_SIZE, name="space", owner="me")


async def no_flush(pdb: int) -> None:
    return None


async def test_a_valid_entry_overwritten_with_another_is_310(watched: Any) -> None:
    vmm, frames = await published(watched), watched.frames(await watched.buffer(pages=2))
    await vmm.prepare_map(1, range(PAGE_SIZE))
    mapped = await vmm.map_pages(frames[:1], range(PAGE_SIZE, 2 * PAGE_SIZE), writable=True)
    space = watched.sanitizer.tables.spaces[vmm.pdb_addr]
    space.live.cut(mapped.frames)  # as with a driver that says nothing of its ranges
    async with watched.gpu.mm.pramin.window() as window:
        leaf = next(iter(space.root.leaves_in(mapped.frames)))
        entry = leaf.node.table.address + 8 * leaf.index
        window.try_write64(entry, leaf.word)
        assert watched.codes == []  # the same entry again is no change
        window.try_write64(entry, watched.entries.pte(frames[1], writable=True))
    assert watched.codes == ["NOVA310"]
    assert "overwrites the valid entry of 0x1000 of space" in watched.said


async def test_an_entry_cleared_and_written_again_without_an_invalidate_is_310(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping()
    watched.sanitizer.tables.spaces[vmm.pdb_addr].live.cut(mapped.frames)
    entry, word = mapped.path.leaves[0].pte_addr, watched.entries.pte(watched.frames(buffer)[0], writable=True)
    async with watched.window(vmm) as window:
        window.try_write64(entry, 0)
    await watched.gpu.mm.tlb.flush(vmm.pdb_addr)
    async with watched.window(vmm) as window:
        window.try_write64(entry, word)
        assert watched.codes == []
        window.try_write64(entry, 0)
        window.try_write64(entry, word)
    assert watched.codes == ["NOVA310"]
    assert "valid again" in watched.said


@pytest.mark.parametrize("touched", [False, True])
async def test_frames_freed_before_the_invalidate_are_310_or_303_if_the_tlb_has_them(
    watched: Any, monkeypatch: Any, touched: bool
) -> None:
    vmm, mapped, buffer = await watched.mapping()
    if touched:
        watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.unmap_pages(mapped)
    monkeypatch.undo()
    await watched.gpu.mm.buddy.free(buffer)
    assert watched.codes == ["NOVA303" if touched else "NOVA310"]
    assert watched.gpu.kernel.lockdep.findings[0].severity is Severity.POSSIBLE


async def test_a_table_freed_before_the_invalidate_is_310(watched: Any, monkeypatch: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    await vmm.unmap_pages(mapped)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.reclaim_tables()
    assert watched.codes == []
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == ["NOVA310"]
    assert "frees the table page" in watched.said


async def test_an_invalidate_of_everybody_counts_and_one_of_another_space_does_not(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    changes, space = watched.sanitizer._changes, watched.sanitizer.tables.spaces[vmm.pdb_addr]
    for pdb, told in ((None, 0), (vmm.pdb_addr, 0), (vmm.pdb_addr + PAGE_SIZE, 1)):
        changes.gone(vmm.pdb_addr, "space", mapped.frames, range(0))
        changes.invalidated(pdb)
        changes.addresses_freed(vmm.pdb_addr, space.name, mapped.frames)
        assert len(watched.gpu.kernel.lockdep.findings) == told
