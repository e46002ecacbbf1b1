"""Table pages that nobody needs go back when VRAM is short, and no other ones."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.errors import EBUSY, EIO, ENOSPC, ETIMEDOUT
from nova_async.hw.mmu import Access
from nova_async.mm import Gpu, Vmm
from nova_async.mm.gpu_buddy import AllocatedBlocks

Settled = Callable[[Gpu], Awaitable[None]]

OWNER = "client"


async def space(gpu: Gpu, name: str = "space") -> Vmm:
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    return gpu.vmm(VramAddress(root.address), 2 * GIB, name=name, owner=OWNER)


async def page(gpu: Gpu) -> tuple[AllocatedBlocks, list[Pfn]]:
    data = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    return data, [VramAddress(data.address).frame()]


async def map_and_unmap(vmm: Vmm, pfns: list[Pfn], address: int = 0) -> None:
    mapped = await vmm.map_pages(pfns, range(address, address + PAGE_SIZE), writable=True)
    await vmm.unmap_pages(mapped)


def tables(gpu: Gpu, vmm: Vmm) -> int:
    """Without the root."""
    return len(list(gpu.board.mmu.tables(vmm.pdb_addr))) - 1


async def free_pages(gpu: Gpu) -> int:
    await gpu.mm.deferred.drain()
    return await gpu.mm.buddy.avail() // PAGE_SIZE


async def take_all(gpu: Gpu) -> list[AllocatedBlocks]:
    """All VRAM but what is idle."""
    taken = []
    for _ in range(await free_pages(gpu)):
        taken.append(await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER))  # noqa: PERF401
    return taken


async def test_what_nobody_needs_is_taken_out_with_one_write_and_freed_after_one_flush(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    before = await free_pages(gpu)
    await map_and_unmap(vmm, pfns)
    await map_and_unmap(vmm, pfns, GIB)
    idle = tables(gpu, vmm)
    assert await free_pages(gpu) == before - idle
    traffic = gpu.board.traffic.snapshot()
    assert await vmm.reclaim_tables() == idle
    spent = gpu.board.traffic - traffic
    assert spent.flushes == 1
    assert spent.writes - spent.window_writes - 3 == 1
    assert tables(gpu, vmm) == 0
    assert await free_pages(gpu) == before
    assert await vmm.reclaim_tables() == 0


async def test_what_a_live_range_or_a_pending_prepare_needs_stays(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    pending = await vmm.prepare_map(1, range(PAGE_SIZE))
    live = await vmm.map_pages(pfns, range(GIB, GIB + PAGE_SIZE), writable=True)
    await map_and_unmap(vmm, pfns, 2 * MIB)
    await map_and_unmap(vmm, pfns, 2 * MIB + GIB)
    assert await vmm.reclaim_tables() == 2  # the leaf tables of the last two
    await gpu.mm.deferred.drain()
    for mapped in (live, await vmm.execute_map(pending, pfns, writable=True)):
        address = mapped.vfn_start * PAGE_SIZE
        assert gpu.board.mmu.translate(vmm.pdb_addr, address, Access.READ).physical(address) == pfns[0].address()
        await vmm.unmap_pages(mapped)


async def test_an_allocation_that_finds_no_vram_gets_what_tables_give_back(gpu: Gpu, settled: Settled) -> None:
    vmm, other, (data, pfns) = await space(gpu), await space(gpu, "other"), await page(gpu)
    for each in (vmm, other, gpu.bar_user.vmm):
        mapped = await each.map_pages(pfns, range(PAGE_SIZE), writable=True, owner=OWNER)
        await each.unmap_pages(mapped)
    idle = sum(tables(gpu, each) for each in (vmm, other, gpu.bar_user.vmm))
    taken = await take_all(gpu)
    for _ in range(idle):
        taken.append(await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER))
    with pytest.raises(ENOSPC):
        await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    for blocks in (*taken, data):
        gpu.mm.free_vram(blocks)
    await vmm.close()
    await other.close()
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {OWNER: 2}


async def test_a_prepare_that_finds_no_vram_gets_the_idle_tables_of_its_own_space(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    await map_and_unmap(vmm, pfns, GIB)
    await take_all(gpu)
    mapped = await vmm.map_pages(pfns, range(PAGE_SIZE), writable=True)
    assert gpu.board.mmu.translate(vmm.pdb_addr, 0, Access.READ).physical(0) == pfns[0].address()
    await vmm.unmap_pages(mapped)


async def test_who_finds_no_vram_while_another_reclaims_waits_for_him(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    await map_and_unmap(vmm, pfns)
    idle = tables(gpu, vmm)
    await take_all(gpu)

    async def take() -> None:
        await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)

    async with anyio.create_task_group() as tasks:
        for number in range(idle):
            tasks.start_soon(take, name=f"take#{number}")


@pytest.mark.parametrize(("fault", "error"), [("mmio", EIO), ("tlb", ETIMEDOUT)])
async def test_a_device_that_does_not_answer_loses_no_table(
    gpu: Gpu, settled: Settled, fault: str, error: type[Exception]
) -> None:
    vmm, (data, pfns) = await space(gpu), await page(gpu)
    before = await free_pages(gpu)
    await map_and_unmap(vmm, pfns)
    gpu.kernel.faults.start({fault: 1.0})
    with pytest.raises(error):
        await vmm.reclaim_tables()
    gpu.kernel.faults.stop()
    assert await free_pages(gpu) < before  # nothing is free before it was flushed
    await map_and_unmap(vmm, pfns)
    await vmm.reclaim_tables()
    assert await free_pages(gpu) == before
    await vmm.close()
    gpu.mm.free_vram(data)
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {OWNER: 1}


async def test_a_table_retired_and_not_flushed_goes_with_its_space(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    await map_and_unmap(vmm, pfns)
    gpu.kernel.faults.start({"tlb": 1.0})
    with pytest.raises(ETIMEDOUT):
        await vmm.reclaim_tables()
    gpu.kernel.faults.stop()
    await vmm.close()
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {OWNER: 2}


async def test_a_device_that_does_not_answer_is_an_allocation_without_room(gpu: Gpu) -> None:
    vmm, (_, pfns) = await space(gpu), await page(gpu)
    await map_and_unmap(vmm, pfns)
    await take_all(gpu)
    gpu.kernel.faults.start({"mmio": 1.0})
    with pytest.raises(ENOSPC):
        await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    gpu.kernel.faults.stop()
    await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)


async def test_a_root_has_one_address_space_at_a_time(gpu: Gpu) -> None:
    vmm = await space(gpu)
    with pytest.raises(EBUSY, match=r"second: the root at 0x[0-9a-f]+ is in use by space"):
        gpu.vmm(vmm.pdb_addr, GIB, name="second", owner=OWNER)
    await vmm.close()
    second = gpu.vmm(vmm.pdb_addr, GIB, name="second", owner=OWNER)
    await second.close()
