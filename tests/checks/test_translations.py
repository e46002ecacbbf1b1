"""NOVA303: each way to a stale translation, broken on purpose."""

from typing import Any

from nova_async.findings import Severity
from nova_async.hw.mmu import Access


async def no_flush(pdb: int) -> None:
    return None


def severities(watched: Any) -> list[Severity]:
    return [finding.severity for finding in watched.gpu.kernel.lockdep.findings]


async def test_bar1_in_use_is_without_finding(watched: Any) -> None:
    buffer = await watched.buffer(pages=2)
    for _ in range(2):
        async with await watched.gpu.bar_user.map(watched.frames(buffer), writable=True, owner="me") as access:
            access.try_write32(1, 0)
            assert access.try_read32(0) == 1
    await watched.free(buffer)
    assert watched.codes == []


async def test_an_unmap_without_a_flush_leaves_a_translation_behind(watched: Any, monkeypatch: Any) -> None:
    access = await watched.gpu.bar_user.map(watched.frames(await watched.buffer()), writable=True, owner="me")
    access.try_read32(0)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await access.unmap()
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == await watched.audited() == ["NOVA303"]
    assert severities(watched) == [Severity.POSSIBLE]


async def test_a_hit_that_the_tables_do_not_confirm_is_proved(watched: Any, monkeypatch: Any) -> None:
    first, second = await watched.buffer(), await watched.buffer()
    bar = watched.gpu.bar_user
    access = await bar.map(watched.frames(first), writable=True, owner="me")
    access.try_read32(0)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await access.unmap()
    await watched.gpu.mm.deferred.drain()
    again = await bar.map(watched.frames(second), writable=True, owner="me")
    assert again.base == access.base
    again.try_read32(0)
    assert watched.codes == ["NOVA303", "NOVA310"]
    assert Severity.PROVED in severities(watched)


async def test_permissions_that_changed_are_a_difference_too(watched: Any) -> None:
    bar = watched.gpu.bar_user
    buffer = await watched.buffer()
    access = await bar.map(watched.frames(buffer), writable=True, owner="me")
    access.try_read32(0)
    async with watched.window(bar.vmm) as window:
        leaf = access._mapped.path.leaves[0]
        window.try_write64(leaf.pte_addr, watched.entries.pte(watched.frames(buffer)[0], writable=False))
    access.try_write32(1, 0)
    assert (watched.codes, await watched.audited()) == (["NOVA303", "NOVA312"], ["NOVA303"])


async def test_a_page_freed_while_the_tlb_leads_to_it_is_303(watched: Any) -> None:
    buffer = await watched.buffer()
    access = await watched.gpu.bar_user.map(watched.frames(buffer), writable=True, owner="me")
    access.try_read32(0)
    async with watched.window(watched.gpu.bar_user.vmm) as window:
        window.try_write64(access._mapped.path.leaves[0].pte_addr, 0)
    await watched.free(buffer)
    assert (watched.codes, await watched.audited()) == (["NOVA303", "NOVA312"], ["NOVA303"])
    assert "the TLB still has" in watched.said


async def test_a_closed_address_space_that_the_tlb_remembers_is_303(watched: Any, monkeypatch: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.unmap_pages(mapped)
    await vmm.close()
    assert watched.codes == ["NOVA303"]
    assert "closes space" in watched.said


async def test_a_use_after_the_addresses_went_back_is_303(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    assert watched.codes == []
    watched.gpu.mm.deferred.defer(mapped.va)
    await watched.gpu.mm.deferred.drain()
    assert "where nothing is mapped any more" not in watched.said
    watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    assert watched.codes == ["NOVA302", "NOVA303"]
    assert "where nothing is mapped any more" in watched.said


async def test_an_unknown_address_space_is_still_compared_with_its_tables(watched: Any, monkeypatch: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    board, va = watched.gpu.board, mapped.vfn_start << 12
    board.mmu.translate(vmm.pdb_addr, va, Access.READ)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.unmap_pages(mapped)
    await vmm.close()
    board.mmu.translate(vmm.pdb_addr, va, Access.READ)
    assert f"the address space at {vmm.pdb_addr:#x}: the TLB leads to" in watched.said
