"""The published code under the sanitizer: what hazards.md says of it, seen where it happens."""

from typing import Any

import anyio
import pytest

from nova_async.address import GIB, KIB, MIB, PAGE_SIZE, VramAddress
from nova_async.errors import ENOMEM, ETIMEDOUT
from nova_async.hw.chipset import MmuVersion
from nova_async.mm import published, v6

FAR = 512 * MIB
A, B = 64 * KIB, 8 * MIB - 64 * KIB


async def published_vmm(watched: Any) -> published.Vmm:
    root = await watched.buffer()
    version = watched.gpu.chipset.mmu_version
    return published.Vmm(watched.gpu.mm, VramAddress(root.address), version, 8 * GIB, name="vm", owner="me")


async def test_a_a_page_recorded_after_its_entry_is_free_while_the_entry_is_live(watched: Any) -> None:
    vmm, frames = await published_vmm(watched), watched.frames(await watched.buffer())
    first = await vmm.prepare_map(1, range(PAGE_SIZE))
    await vmm.prepare_map(1, range(FAR, FAR + PAGE_SIZE))
    with pytest.raises(ENOMEM):
        await vmm.execute_map(first, frames, writable=True)
    assert "NOVA301" in watched.codes
    assert "NOVA301" in {finding.code for finding in watched.gpu.kernel.lockdep.findings}
    assert "frees the table page" in watched.said


async def test_c_a_flush_that_fails_leaves_the_whole_range_mapped_at_free_addresses(watched: Any) -> None:
    vmm, frames = await published_vmm(watched), watched.frames(await watched.buffer(pages=2))
    watched.gpu.kernel.faults.start({"tlb": 1.0})
    with pytest.raises(ETIMEDOUT):
        await vmm.map_pages(frames, writable=True)
    assert "NOVA302" in watched.codes


async def test_h_a_range_dropped_without_an_unmap_leaves_its_entries(watched: Any) -> None:
    vmm, frames = await published_vmm(watched), watched.frames(await watched.buffer())
    mapped = await vmm.map_pages(frames, writable=True)
    assert "NOVA302" not in watched.codes
    await mapped.drop()
    assert "NOVA302" in watched.codes


async def test_b_two_windows_on_one_register_are_304_and_nobody_holds_a_lock(watched: Any) -> None:
    if watched.gpu.chipset.mmu_version is not MmuVersion.V2:
        return  # January's window register is that of Turing to Ada
    bar = v6.Devres(watched.gpu.board.bar0, observers=watched.gpu.mm.observers)
    async with v6.Window(bar) as first, v6.Window(bar) as second:
        await first.try_write64(A, 1)
        assert watched.codes == ["NOVA306"]
        await second.try_write64(B, 2)
        assert "NOVA304" not in watched.codes
        await first.try_read64(A + 8)
    assert watched.codes == ["NOVA304", "NOVA306"]


async def test_j_two_flushes_that_meet_are_308(watched: Any) -> None:
    if watched.gpu.chipset.mmu_version is not MmuVersion.V2:
        return
    bar = v6.Devres(watched.gpu.board.bar0, observers=watched.gpu.mm.observers)
    tlb = v6.Tlb(bar, watched.gpu.board.clock, watched.gpu.kernel.faults)
    bar0 = watched.gpu.board.bar0
    bar0.write32(0xB830A0, 0x1000 >> 8)

    async def intrude() -> None:
        await tlb.flush(0x2000)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(intrude, name="intruder")
    bar0.write32(0xB830B0, 1 << 31 | 1)
    assert watched.codes == ["NOVA306", "NOVA308"]


async def test_a_january_address_space_dropped_under_its_root_is_301(watched: Any) -> None:
    if watched.gpu.chipset.mmu_version is not MmuVersion.V2:
        return
    root, buffer = await watched.buffer(), await watched.buffer()
    async with v6.GpuMm(watched.gpu) as mm:
        vmm = v6.Vmm(mm, VramAddress(root.address), MmuVersion.V2, name="january", owner="me")
        await vmm.map_page(mm, watched.frames(buffer)[0], watched.frames(buffer)[0], writable=True)
        assert watched.codes == ["NOVA306"]
        await vmm.drop(mm)
    assert watched.codes == ["NOVA301", "NOVA306"]
