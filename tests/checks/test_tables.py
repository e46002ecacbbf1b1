"""NOVA301, NOVA302 and NOVA306 of tables: broken on purpose, seen by the sanitizer and, at rest, by the audit."""

from typing import Any

import pytest

from nova_async.address import PAGE_SIZE, Pfn, VramAddress
from nova_async.checks import Sanitizer
from nova_async.errors import ETIMEDOUT
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.pagetable import FORMATS, EntryFormat
from nova_async.mm.pagetable.walk import pte_address
from nova_async.mm.published import Vmm as PublishedVmm
from nova_async.mm.table_writer import TableWriter


async def free_frame(watched: Any) -> int:
    buffer = await watched.buffer()
    frame = int(watched.frames(buffer)[0])
    await watched.free(buffer)
    return frame


async def test_a_life_without_fault_is_without_finding(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping(pages=3)
    assert await watched.audited() == []
    await vmm.unmap_pages(mapped)
    await watched.free(buffer)
    await vmm.close()
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == await watched.audited() == []


# NOVA301


async def test_a_leaf_that_maps_a_free_page_is_301(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    frame = await free_frame(watched)
    async with watched.window(vmm) as window:
        window.try_write64(mapped.path.leaves[0].pte_addr, watched.entries.pte(frame, writable=True))
    assert (watched.codes, await watched.audited()) == (["NOVA301", "NOVA312"], ["NOVA301"])
    assert f"{frame:#x}, which is free" in watched.said


async def test_a_leaf_that_maps_what_is_not_there_is_301(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    beyond = watched.gpu.board.vram.size >> 12
    async with watched.window(vmm) as window:
        window.try_write64(mapped.path.leaves[0].pte_addr, watched.entries.pte(beyond, writable=True))
    assert (watched.codes, await watched.audited()) == (["NOVA301", "NOVA312"], ["NOVA301"])
    assert "beyond video memory" in watched.said


async def test_a_directory_entry_that_points_to_a_free_page_is_301(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    frame = await free_frame(watched)
    async with watched.window(vmm) as window:
        unused = mapped.path.pages[-1].slot + 16
        window.try_write64(unused, watched.entries.pde(frame))
    assert watched.codes == await watched.audited() == ["NOVA301"]
    assert "directory entry" in watched.said
    async with watched.gpu.mm.pramin.window() as window:
        window.try_write64(frame * PAGE_SIZE, 0)
    assert watched.codes == ["NOVA301", "NOVA311"]  # the page is no table, whoever has it next


async def test_a_page_freed_while_it_is_mapped_is_301(watched: Any) -> None:
    _, _, buffer = await watched.mapping(pages=2)
    await watched.free(buffer)
    assert watched.codes == await watched.audited() == ["NOVA301"]


@pytest.mark.parametrize("depth", [0, -1])
async def test_a_table_freed_while_it_is_linked_is_301(watched: Any, depth: int) -> None:
    _, mapped, _ = await watched.mapping()
    await watched.free(mapped.path.pages[depth].alloc)
    assert watched.codes == await watched.audited() == ["NOVA301"]
    assert "frees the table page" in watched.said


async def test_a_table_freed_past_the_memory_manager_is_301(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    page = mapped.path.pages[-1].alloc
    await page.buddy.free(page)
    assert watched.codes == await watched.audited() == ["NOVA301"]


async def test_a_root_freed_before_its_address_space_is_closed_is_301(watched: Any) -> None:
    root = await watched.buffer()
    await watched.space(pdb=root.address)
    await watched.free(root)
    assert watched.codes == ["NOVA301"]
    assert "it is the root of space" in watched.said


async def test_what_the_next_owner_does_with_a_freed_table_is_not_judged_again(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    page = mapped.path.pages[-1].alloc
    await watched.free(page)
    assert (await watched.buffer()).address == page.address
    told = len(watched.gpu.kernel.lockdep.findings)
    async with watched.gpu.mm.pramin.window() as window:
        window.fill(page.address, 512, 0xFFFF_FFFF_FFFF_FFFF)
    assert len(watched.gpu.kernel.lockdep.findings) == told


# NOVA302


async def test_a_valid_entry_at_an_address_that_nobody_took_is_302(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping()
    leaf = mapped.path.leaves[0]
    async with watched.window(vmm) as window:
        frame = watched.frames(buffer)[0]
        window.try_write64(leaf.pte_addr - 8, watched.entries.pte(frame, writable=True))
    assert watched.codes == await watched.audited() == ["NOVA302"]
    assert f"{mapped.vfn_start - 1 << 12:#x} of space is valid and belongs to no mapping" in watched.said


async def test_one_entry_too_many_in_a_run_is_302_at_that_entry(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping()
    leaf = mapped.path.leaves[0]
    await watched.buffer(pages=2)  # so that the frame behind the buffer is somebody's
    async with watched.window(vmm) as window:
        first = watched.frames(buffer)[0] - 1
        window.write_run(leaf.pte_addr - 8, watched.entries.pte_run(first, 2, writable=True))
    assert "NOVA302" in watched.codes
    assert f"entry of {mapped.vfn_start - 1 << 12:#x}" in watched.said


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that does not look what is mapped already, nor who uses the root, as the published one."""
    monkeypatch.setattr("nova_async.mm.table_writer.check_vacant", lambda window, leaf: None)
    monkeypatch.setattr(GpuMm, "adopt_root", lambda mm, pdb, user: None)


@pytest.mark.usefixtures("careless")
async def test_two_address_spaces_on_one_root_that_hand_out_the_same_address_are_302(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    second, buffer = await watched.space("second", pdb=vmm.pdb_addr), await watched.buffer()
    again = await second.map_pages(watched.frames(buffer), writable=True)
    assert again.vfn_start == mapped.vfn_start
    assert watched.codes == ["NOVA302", "NOVA312"]
    assert "space and second is valid for two mappings" in watched.said


async def test_addresses_given_back_under_a_valid_entry_are_302(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    watched.gpu.mm.deferred.defer(mapped.va)
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == await watched.audited() == ["NOVA302"]


async def test_an_execute_that_fails_and_undoes_nothing_is_302(watched: Any, monkeypatch: Any) -> None:
    async def undo_nothing(*args: object) -> None:
        return None

    monkeypatch.setattr(TableWriter, "restore", undo_nothing)
    vmm, buffer = await watched.space(), await watched.buffer()
    watched.gpu.kernel.faults.start({"tlb": 1.0})
    with pytest.raises(ETIMEDOUT):
        await vmm.map_pages(watched.frames(buffer), writable=True)
    watched.gpu.kernel.faults.stop()
    await watched.gpu.mm.deferred.drain()
    assert (watched.codes, await watched.audited()) == (["NOVA302", "NOVA309"], ["NOVA302"])


async def test_an_address_space_closed_over_a_valid_entry_is_302(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping()
    async with watched.window(vmm) as window:
        frame = watched.frames(buffer)[0]
        window.try_write64(mapped.path.leaves[0].pte_addr - 8, watched.entries.pte(frame, writable=True))
    for page in mapped.path.pages:
        page.installed = False  # so that close does not take them out
    await vmm.unmap_pages(mapped)
    await vmm.close()
    assert "closes space; the entry of" in watched.said


async def test_the_invalid_directory_entry_of_v2_is_a_huge_leaf_where_a_level_has_leaves(watched: Any) -> None:
    # hazards.md B14: nova writes 1 for "no table", and bit 0 says "leaf"; on GA10x PD1 has leaves of 512 MiB.
    vmm, mapped, _ = await watched.mapping()
    async with watched.window(vmm) as window:
        window.try_write64(mapped.path.pages[-2].slot + 8, 1)
    assert "NOVA302" in watched.codes
    assert "NOVA302" in await watched.audited()


def plant(gpu: Gpu, entries: EntryFormat, vfn: int) -> None:
    """Map a virtual frame of BAR1 as firmware would: tables and target in memory that it keeps."""
    table = gpu.board.gsp.bar1_pde_base
    for number, level in enumerate(entries.directories, start=1):
        gpu.board.vram.write(level.slot(table, vfn), 8, entries.pde(Pfn(number)))
        table = number * PAGE_SIZE
    gpu.board.vram.write(pte_address(table, vfn), 8, entries.pte(Pfn(0), writable=True))


@pytest.mark.usefixtures("careless")
async def test_an_address_that_firmware_has_mapped_and_the_driver_hands_out_is_302(
    plain: Gpu, anyio_backend: str
) -> None:
    # hazards.md B3: the driver's allocator starts empty on tables that already have entries.
    plant(plain, FORMATS[plain.chipset.mmu_version], vfn=3)
    Sanitizer(plain, tasks_of(anyio_backend)).attach()
    findings = plain.kernel.lockdep.findings
    buffer = await plain.mm.alloc_vram(PAGE_SIZE, owner="me")
    async with await plain.bar_user.map([VramAddress(buffer.address).frame()], writable=True, owner="me"):
        assert findings == []
    frames = [VramAddress(buffer.address).frame()]
    await plain.bar_user.vmm.map_pages(frames, range(3 * PAGE_SIZE, 4 * PAGE_SIZE), writable=True, owner="me")
    assert [finding.code for finding in findings] == ["NOVA302", "NOVA312"]
    assert "valid for two mappings" in findings[0].message


async def test_a_root_that_is_not_empty_is_nobodys_mapping_unless_it_is_firmwares(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    root = await watched.buffer()
    linked = mapped.path.pages[0]
    watched.gpu.board.vram.write(root.address, 8, watched.entries.pde(VramAddress(linked.address).frame()))
    await watched.space("second", pdb=root.address)
    assert watched.codes == ["NOVA302"]
    assert "of second is valid and belongs to no mapping" in watched.said


# NOVA306


async def test_a_table_written_without_its_lock_is_306(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    async with watched.gpu.mm.pramin.window() as window:
        window.try_write64(mapped.path.leaves[0].pte_addr - 8, 0)
    assert watched.codes == ["NOVA306"]
    assert "without holding space tables" in watched.said


async def test_the_lock_of_another_address_space_does_not_count(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    async with watched.window(watched.gpu.bar_user.vmm) as window:
        window.try_write64(mapped.path.leaves[0].pte_addr - 8, 0)
    assert watched.codes == ["NOVA306"]


async def test_a_table_written_through_bar1_is_306(watched: Any) -> None:
    _, mapped, _ = await watched.mapping()
    page = mapped.path.pages[-1].alloc
    frames = [VramAddress(page.address).frame()]
    async with await watched.gpu.bar_user.map(frames, writable=True, owner=page.owner) as access:
        access.try_write32(0, PAGE_SIZE - 16)
    assert watched.codes == ["NOVA306"]


async def test_a_guard_counts_by_its_name_whatever_its_class(watched: Any) -> None:
    guard = watched.gpu.kernel.private_mutex("whole_vmm", None, instance="vm guard")
    root, version = await watched.buffer(), watched.gpu.chipset.mmu_version
    vmm = PublishedVmm(
        watched.gpu.mm, VramAddress(root.address), version, 16 * PAGE_SIZE, name="vm", owner="me", exclusive=guard
    )
    await vmm.map_pages(watched.frames(await watched.buffer()), writable=True)
    assert watched.codes == []
    async with watched.gpu.mm.pramin.window() as window:
        window.try_write64(vmm.pdb_addr + 8, 0)
    assert watched.codes == ["NOVA306"]
    assert "without holding vm guard" in watched.said
