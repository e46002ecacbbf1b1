"""NOVA309 and NOVA312: what an operation must leave as it was, and what it must have done."""

from typing import Any

import anyio
import pytest

from nova_async.address import GIB, MIB, PAGE_SIZE, VramAddress
from nova_async.checks import Sanitizer
from nova_async.errors import EEXIST, EIO, ENOMEM, ETIMEDOUT
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu, Vmm
from nova_async.mm.mapping import Stage
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.table_writer import TableWriter


async def space(watched: Any) -> Vmm:
    root = (await watched.buffer()).address
    made: Vmm = watched.gpu.vmm(VramAddress(root), 4 * GIB, name="space", owner="me")
    return made


@pytest.mark.parametrize("fault", ["mmio", "tlb"])
async def test_an_execute_that_fails_and_is_undone_later_is_no_finding(watched: Any, fault: str) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer(pages=2))
    prepared = await vmm.prepare_map(2, range(2 * MIB - PAGE_SIZE, 2 * MIB + PAGE_SIZE))
    watched.gpu.kernel.faults.start({fault: 1.0})
    with pytest.raises((EIO, ETIMEDOUT)):
        await vmm.execute_map(prepared, frames, writable=True)
    assert prepared.stage is Stage.DIRTY or fault == "mmio"
    watched.gpu.kernel.faults.stop()
    await vmm.abort(prepared)
    await vmm.close()
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == []


@pytest.mark.parametrize("nth", range(1, 8))
async def test_a_prepare_that_fails_at_any_allocation_is_no_finding(watched: Any, nth: int) -> None:
    vmm, faults = await space(watched), watched.gpu.kernel.faults
    asked = iter(range(nth - 1))
    faults.strikes = lambda kind: kind == "alloc" and next(asked, None) is None
    with pytest.raises(ENOMEM):
        await vmm.prepare_map(1)
    del faults.strikes
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == []


async def test_a_prepare_that_fails_and_keeps_a_page_is_309(watched: Any, monkeypatch: Any) -> None:
    vmm = await space(watched)
    alloc = Vmm._alloc_table

    async def lose_one(vmm: Vmm) -> Any:
        await alloc(vmm)
        raise ENOMEM("the record of a table page")

    monkeypatch.setattr(Vmm, "_alloc_table", lose_one)
    with pytest.raises(ENOMEM):
        await vmm.prepare_map(1)
    assert watched.codes == ["NOVA309"]
    assert "fails in prepare_map and keeps 0x1000 bytes of vram" in watched.said


async def test_a_prepare_that_takes_more_than_it_promises_is_309(watched: Any, monkeypatch: Any) -> None:
    vmm = await space(watched)
    alloc = Vmm._alloc_table

    async def one_too_many(vmm: Vmm) -> Any:
        await alloc(vmm)
        return await alloc(vmm)

    monkeypatch.setattr(Vmm, "_alloc_table", one_too_many)
    await vmm.prepare_map(1)
    assert watched.codes == ["NOVA309"]


async def test_an_execute_that_fails_and_leaves_its_tables_linked_is_309(watched: Any, monkeypatch: Any) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer())
    prepared = await vmm.prepare_map(1)
    restore = TableWriter.restore

    async def leaves_only(writer: TableWriter, journal: Any) -> None:
        journal.installed.clear()
        await restore(writer, journal)

    flush = watched.gpu.mm.tlb.flush

    async def once(pdb: int) -> None:
        watched.gpu.mm.tlb.flush = flush
        raise ETIMEDOUT("tlb")

    monkeypatch.setattr(TableWriter, "restore", leaves_only)
    watched.gpu.mm.tlb.flush = once
    with pytest.raises(ETIMEDOUT):
        await vmm.execute_map(prepared, frames, writable=True)
    assert watched.codes == ["NOVA309"]
    assert "linked, which nobody else needs" in watched.said


async def test_an_unmap_that_fails_and_gives_its_addresses_back_is_309(watched: Any, monkeypatch: Any) -> None:
    vmm, mapped, _ = await watched.mapping()

    async def too_soon(writer: TableWriter, leaves: object) -> None:
        watched.gpu.mm.deferred.defer(mapped.va)
        raise ETIMEDOUT("tlb")

    monkeypatch.setattr(TableWriter, "clear", too_soon)
    with pytest.raises(ETIMEDOUT):
        await vmm.unmap_pages(mapped)
    assert watched.codes == ["NOVA309"]
    assert "which the mapping still needs" in watched.said


async def test_addresses_withdrawn_because_firmware_has_mapped_there_are_no_finding(
    plain: Gpu, anyio_backend: str
) -> None:
    entries = FORMATS[plain.chipset.mmu_version]
    table = plain.board.gsp.bar1_pde_base
    for number, level in enumerate(entries.directories, start=1):
        plain.board.vram.write(level.slot(table, 0), 8, entries.pde(VramAddress(number * PAGE_SIZE).frame()))
        table = number * PAGE_SIZE
    plain.board.vram.write(table, 8, entries.pte(0, writable=True))
    Sanitizer(plain, tasks_of(anyio_backend)).attach()
    with pytest.raises(EEXIST):
        await plain.bar_user.vmm.prepare_map(1, range(PAGE_SIZE))
    assert plain.kernel.lockdep.findings == []
    plain.board.vram.write(table, 8, 0)
    assert sorted(finding.code for finding in plain.kernel.lockdep.findings) == ["NOVA306", "NOVA312"]


async def test_a_live_entry_that_another_write_takes_out_is_312_and_told_once(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping(pages=2)
    for _ in range(2):
        async with watched.window(vmm) as window:
            window.try_write64(mapped.path.leaves[0].pte_addr, 0)
    assert watched.codes == ["NOVA312"]
    assert "out, which me has mapped" in watched.said
    assert len(watched.gpu.kernel.lockdep.findings) == 1


async def test_a_table_unlinked_above_a_live_mapping_is_312(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    async with watched.window(vmm) as window:
        window.try_write64(mapped.path.pages[0].slot, 0)
    assert watched.codes == ["NOVA312"]


async def test_a_table_that_a_prepare_of_another_task_has_claimed_may_stay(watched: Any, monkeypatch: Any) -> None:
    vmm, frames = await space(watched), watched.frames(await watched.buffer())
    failing = await vmm.prepare_map(1, range(PAGE_SIZE))
    looking, failed = anyio.Event(), anyio.Event()

    async def look(*_: object) -> None:
        looking.set()
        await failed.wait()
        raise EEXIST("firmware has mapped there")

    async def prepare() -> None:
        monkeypatch.setattr(TableWriter, "check_vacant", look)
        with pytest.raises(EEXIST):
            await vmm.prepare_map(1, range(PAGE_SIZE, 2 * PAGE_SIZE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(prepare)
        await looking.wait()
        once = iter(["tlb"])
        watched.gpu.kernel.faults.strikes = lambda kind: kind == "tlb" and next(once, "") == kind
        with pytest.raises(ETIMEDOUT):
            await vmm.execute_map(failing, frames, writable=True)
        failed.set()
    assert watched.codes == []
