"""January's one-page Vmm: what it writes, what it costs, and its faults (seed document 3, hazards.md B)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from nova_async.address import PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.errors import ENODEV, ENOMEM, ENOSPC, ENOTSUPP, ETIMEDOUT
from nova_async.hw.bus import Traffic
from nova_async.hw.chipset import MmuVersion
from nova_async.mm import Gpu
from nova_async.mm.v6 import GpuMm, Vmm

Opened = Callable[[], AbstractAsyncContextManager[tuple[GpuMm, Vmm]]]
FLUSH_WRITES = 3
TABLE_WORDS = 512
HERE, BESIDE, ELSEWHERE = Vfn(0x100), Vfn(0x101), Vfn(0x100 + (1 << 17))
"""One table, the same table, and the same root but another 512 MiB."""


def leaves(gpu: Gpu, vmm: Vmm) -> dict[int, tuple[int, bool]]:
    """By virtual frame, as the hardware sees it: frame, and whether it is read-only."""
    found = gpu.board.mmu.leaves(vmm.pdb_addr)
    return {leaf.va // PAGE_SIZE: (leaf.address // PAGE_SIZE, leaf.read_only) for leaf in found}


async def data_traffic(mm: GpuMm, gpu: Gpu, before: Traffic) -> tuple[int, int, int]:
    """Reads without polls, writes without window moves, flushes."""
    spent = gpu.board.traffic - before
    quiet = gpu.board.traffic.snapshot()
    await mm.tlb.flush(0)
    polls = (gpu.board.traffic - quiet).reads * spent.flushes
    return spent.reads - polls, spent.writes - spent.window_writes, spent.flushes


async def test_mapped_pages_are_what_hardware_finds(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        await vmm.map_page(mm, ELSEWHERE, Pfn(0x201), writable=False)
        assert leaves(january, vmm) == {HERE: (0x200, False), ELSEWHERE: (0x201, True)}
        assert await vmm.read_mapping(mm, HERE) == 0x200
        assert await vmm.read_mapping(mm, BESIDE) is None
        await vmm.unmap_page(mm, HERE)
        assert leaves(january, vmm) == {ELSEWHERE: (0x201, True)}


async def test_the_first_page_of_a_tree_costs_four_zeroed_tables_and_five_directory_writes(
    january: Gpu, january_vmm: Opened
) -> None:
    async with january_vmm() as (mm, vmm):
        before = january.board.traffic.snapshot()
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        directories = 3 + 2  # three plain entries, and both words of the dual one
        expected = (6, 4 * TABLE_WORDS + directories + 1 + FLUSH_WRITES, 1)
        assert await data_traffic(mm, january, before) == expected


async def test_every_further_page_costs_six_reads_one_write_and_a_flush_of_its_own(
    january: Gpu, january_vmm: Opened
) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        before = january.board.traffic.snapshot()
        for page in range(1, 8):
            await vmm.map_page(mm, Vfn(HERE + page), Pfn(0x200 + page), writable=True)
        assert await data_traffic(mm, january, before) == (7 * 6, 7 * (1 + FLUSH_WRITES), 7)
        before = january.board.traffic.snapshot()
        await vmm.unmap_page(mm, HERE)
        assert await data_traffic(mm, january, before) == (6, 1 + FLUSH_WRITES, 1)


async def test_unmap_where_no_table_is_does_nothing_and_does_not_flush(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        before = january.board.traffic.snapshot()
        await vmm.unmap_page(mm, HERE)
        spent = january.board.traffic - before
        assert (spent.reads, spent.writes, spent.flushes) == (1, 0, 0)  # the root's entry


async def test_unmap_of_a_page_that_is_not_mapped_flushes_all_the_same(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        flushes = january.board.traffic.flushes
        await vmm.unmap_page(mm, BESIDE)
        assert january.board.traffic.flushes == flushes + 1


async def test_only_v2_is_supported(january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        with pytest.raises(ENOTSUPP, match="V3"):
            Vmm(mm, vmm.pdb_addr, MmuVersion.V3, name="hopper", owner="client")


async def test_a_live_page_is_overwritten_without_a_word(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        await vmm.map_page(mm, HERE, Pfn(0x300), writable=True)
        assert leaves(january, vmm) == {HERE: (0x300, False)}


async def test_a_frame_too_wide_for_the_field_is_cut_off(january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn((1 << 25) + 7), writable=True)
        assert await vmm.read_mapping(mm, HERE) == 7


async def test_a_failed_flush_leaves_the_page_mapped(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        january.board.invalidate.stuck = True
        with pytest.raises(ETIMEDOUT):
            await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        assert leaves(january, vmm) == {HERE: (0x200, False)}


async def test_tables_made_before_a_failure_stay_linked(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        room = await january.mm.buddy.avail()
        hog = await january.mm.buddy.alloc_blocks(room - 2 * PAGE_SIZE, owner="hog")
        with pytest.raises(ENOSPC):
            await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        assert len(list(january.board.mmu.tables(vmm.pdb_addr))) == 1 + 2
        await january.mm.buddy.free(hog)


async def test_a_page_that_cannot_be_recorded_is_freed(
    january: Gpu, january_vmm: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with january_vmm() as (mm, vmm):
        before = await january.mm.buddy.avail()
        asked = []

        async def no_vector(gfp: object, what: str) -> None:
            asked.append(what)
            if "vector" in what:
                raise ENOMEM(what)

        monkeypatch.setattr(january.kernel.memory, "alloc", no_vector)
        with pytest.raises(ENOMEM):
            await vmm.alloc_page_table(mm)
        assert asked == ["vram: block nodes", "vm page_table_allocs: vector"]
        assert await january.mm.buddy.avail() == before


async def test_a_new_table_is_zero_whatever_was_in_its_page(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        page = await january.mm.buddy.alloc_blocks(PAGE_SIZE, owner="client")
        january.board.vram.fill(page.address, TABLE_WORDS, 0xFFFF_FFFF_FFFF_FFFF)
        await january.mm.buddy.free(page)
        assert await vmm.alloc_page_table(mm) == page.address
        assert not any(january.board.vram.read_run(page.address, TABLE_WORDS))


async def test_two_callers_may_map_one_frame_in_two_tables_of_one_root(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        other = Vmm(mm, vmm.pdb_addr, MmuVersion.V2, name="other", owner="other")
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        await other.map_page(mm, HERE, Pfn(0x300), writable=True)
        assert await vmm.read_mapping(mm, HERE) == 0x300


async def test_after_the_drop_the_root_points_to_free_pages(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        before = await january.mm.buddy.avail()
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        assert january.mm.owners.by_owner()["client tables"] == 4
        await vmm.drop(mm)
        assert await january.mm.buddy.avail() == before
        assert "client tables" not in january.mm.owners.by_owner()
        assert leaves(january, vmm) == {HERE: (0x200, False)}


async def test_after_unbind_nothing_can_be_unmapped(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        mm.bar.revoke()
        with pytest.raises(ENODEV):
            await vmm.unmap_page(mm, HERE)
        assert leaves(january, vmm) == {HERE: (0x200, False)}


async def test_a_big_half_does_not_survive_the_install_of_a_small_table(january: Gpu, january_vmm: Opened) -> None:
    async with january_vmm() as (mm, vmm):
        await vmm.map_page(mm, HERE, Pfn(0x200), writable=True)
        dual = next(table for table in january.board.mmu.tables(vmm.pdb_addr) if table.level == 3)
        slot = VramAddress(dual.address + 5 * 16)
        january.board.vram.write(slot, 8, 0x123402)  # somebody's table of 64 KiB pages
        await vmm.map_page(mm, Vfn(5 * 512), Pfn(0x300), writable=True)
        assert january.board.vram.read(slot, 8) == 0
