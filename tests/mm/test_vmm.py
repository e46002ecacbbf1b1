"""hardware.md 4.4, and the promises of nova_async/mm/vmm.py."""

from collections.abc import Awaitable, Callable
from typing import Self

import anyio
import pytest

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EBUSY, EINVAL, EIO, ENOMEM, ENOSPC, EOVERFLOW, EPERM, ETIMEDOUT
from nova_async.hw.mmu import Access, MmuFault
from nova_async.mm import Gpu, MappedRange, Vmm
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.mapping import Stage

Settled = Callable[[Gpu], Awaitable[None]]
Every = Callable[[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], Awaitable[int]]

OWNER = "client"


class Space:
    """A Vmm with its own root and some frames to map."""

    def __init__(self, gpu: Gpu, va_size: int = 2 * GIB) -> None:
        self.gpu = gpu
        self.va_size = va_size
        self.blocks: list[AllocatedBlocks] = []

    async def __aenter__(self) -> Self:
        root = (await self.frames(1))[0]
        self.vmm = self.gpu.vmm(root.address(), self.va_size, name="space", owner=OWNER)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if exc[0] is None:
            await self.vmm.close()
        for blocks in self.blocks:
            self.gpu.mm.free_vram(blocks)

    async def frames(self, count: int) -> list[Pfn]:
        blocks = await self.gpu.mm.alloc_vram(count * PAGE_SIZE, owner=OWNER)
        self.blocks.append(blocks)
        return list(frames_of(blocks))

    def translate(self, vfn: int, access: Access = Access.READ) -> int:
        translation = self.gpu.board.mmu.translate(self.vmm.pdb_addr, vfn << 12, access)
        return translation.physical(vfn << 12) >> 12


def table_count(space: Space) -> int:
    return len(list(space.gpu.board.mmu.tables(space.vmm.pdb_addr)))


async def check_mapped(space: Space, mapped: MappedRange, frames: list[Pfn]) -> None:
    for vfn, pfn in zip(mapped.frames, frames, strict=True):
        assert await space.vmm.read_mapping(Vfn(vfn)) == pfn
        assert space.translate(vfn) == pfn


async def test_what_is_mapped_is_what_driver_and_hardware_read(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(700)  # more than one leaf table
        mapped = await space.vmm.map_pages(frames, writable=True)
        await check_mapped(space, mapped, frames)
        await space.vmm.unmap_pages(mapped)
        for vfn in mapped.frames:
            assert await space.vmm.read_mapping(Vfn(vfn)) is None
            with pytest.raises(MmuFault):
                space.translate(vfn)
    await settled(gpu)


async def test_a_mapping_across_many_directories_is_whole(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(4)
        start = 512 * MIB - 2 * PAGE_SIZE  # the last two pages under one 512 MiB entry, the first two under the next
        mapped = await space.vmm.map_pages(frames, range(start, start + 4 * PAGE_SIZE), writable=True)
        assert mapped.vfn_start == start >> 12
        await check_mapped(space, mapped, frames)
        await space.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_a_read_only_mapping_faults_on_write(gpu: Gpu) -> None:
    async with Space(gpu) as space:
        mapped = await space.vmm.map_pages(await space.frames(1), writable=False)
        space.translate(mapped.vfn_start)
        with pytest.raises(MmuFault):
            space.translate(mapped.vfn_start, Access.WRITE)
        await space.vmm.unmap_pages(mapped)


async def test_execute_costs_an_entry_a_page_an_install_a_table_and_one_flush(gpu: Gpu) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(1024)
        prepared = await space.vmm.prepare_map(1024, range(0, 4 * MIB))
        new_tables = len(prepared.path.pages)
        before = gpu.board.traffic.snapshot()
        mapped = await space.vmm.execute_map(prepared, frames, writable=True)
        spent = gpu.board.traffic.snapshot() - before
        assert spent.flushes == 1
        assert spent.writes - spent.window_writes - 3 == 1024 + new_tables
        await space.vmm.unmap_pages(mapped)


async def test_prepare_changes_nothing_that_hardware_can_see(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        prepared = await space.vmm.prepare_map(3)
        assert table_count(space) == 1  # the root
        await space.vmm.abort(prepared)
    await settled(gpu)


async def test_an_aborted_prepare_gives_back_what_only_it_needed(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(2)
        first = await space.vmm.prepare_map(1, range(0, PAGE_SIZE))
        second = await space.vmm.prepare_map(1, range(PAGE_SIZE, 2 * PAGE_SIZE))
        assert {page.address for page in first.path.pages} == {page.address for page in second.path.pages}
        await space.vmm.abort(first)
        mapped = await space.vmm.execute_map(second, frames[:1], writable=True)
        await check_mapped(space, mapped, frames[:1])
        await space.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_an_execute_installs_its_own_tables_only(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(1)
        near = await space.vmm.prepare_map(1, range(0, PAGE_SIZE))
        far = await space.vmm.prepare_map(1, range(GIB, GIB + PAGE_SIZE))
        mapped = await space.vmm.execute_map(near, frames, writable=True)
        assert any(not page.installed for page in far.path.pages)
        await space.vmm.abort(far)
        await space.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_tasks_that_prepare_for_the_same_slots_at_once_share_them(gpu: Gpu, settled: Settled) -> None:
    mapped: list[MappedRange] = []

    async def map_one(space: Space, number: int, frame: Pfn) -> None:
        va = range(number * PAGE_SIZE, (number + 1) * PAGE_SIZE)
        mapped.append(await space.vmm.map_pages([frame], va, writable=True))

    async with Space(gpu) as space:
        frames = await space.frames(16)
        async with anyio.create_task_group() as tasks:
            for number, frame in enumerate(frames):
                tasks.start_soon(map_one, space, number, frame)
        for one in mapped:
            await check_mapped(space, one, [frames[one.vfn_start]])
            await space.vmm.unmap_pages(one)
    await settled(gpu)


@pytest.mark.parametrize("count", [0, 2])
async def test_a_wrong_number_of_frames_leaves_the_mapping_pending(gpu: Gpu, settled: Settled, count: int) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(2)
        prepared = await space.vmm.prepare_map(1)
        with pytest.raises(EINVAL, match="1 frames"):
            await space.vmm.execute_map(prepared, frames[:count], writable=True)
        await space.vmm.unmap_pages(await space.vmm.execute_map(prepared, frames[:1], writable=True))
    await settled(gpu)


async def test_a_frame_of_somebody_else_is_not_mapped(gpu: Gpu, settled: Settled) -> None:
    theirs = await gpu.mm.alloc_vram(PAGE_SIZE, owner="other")
    async with Space(gpu) as space:
        for frame, whose in ((frames_of(theirs)[0], "other"), (Pfn(1), "nobody")):
            with pytest.raises(EPERM, match=whose):
                await space.vmm.map_pages([frame], writable=True)
    gpu.mm.free_vram(theirs)
    await settled(gpu)


async def test_ranges_of_another_vmm_are_refused(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space, Space(gpu) as other:
        frames = await other.frames(1)
        prepared = await other.vmm.prepare_map(1)
        with pytest.raises(EINVAL, match="execute_map of a range of"):
            await space.vmm.execute_map(prepared, frames, writable=True)
        mapped = await other.vmm.execute_map(prepared, frames, writable=True)
        with pytest.raises(EINVAL, match="unmap_pages of a range of"):
            await space.vmm.unmap_pages(mapped)
        await other.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_a_mapping_is_used_once(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        frames = await space.frames(1)
        prepared = await space.vmm.prepare_map(1)
        mapped = await space.vmm.execute_map(prepared, frames, writable=True)
        with pytest.raises(EINVAL, match="given back"):
            await space.vmm.execute_map(prepared, frames, writable=True)
        with pytest.raises(EINVAL, match="given back"):
            await space.vmm.abort(prepared)
        await space.vmm.unmap_pages(mapped)
        with pytest.raises(EINVAL, match="given back"):
            await space.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_close_refuses_while_mappings_are_out(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        prepared = await space.vmm.prepare_map(1)
        with pytest.raises(EBUSY, match="1 mappings"):
            await space.vmm.close()
        await space.vmm.abort(prepared)
    await settled(gpu)


@pytest.mark.parametrize(
    ("pages", "va_range", "error"),
    [
        (0, None, EINVAL),
        (-1, None, EINVAL),
        (1 << 53, None, EOVERFLOW),
        (1, range(PAGE_SIZE, 0), EOVERFLOW),
        (1, range(0, 2 * PAGE_SIZE), EINVAL),
        (1, range(0, 0), EINVAL),
        (1, range(8, 8 + PAGE_SIZE), EINVAL),
        (1 << 20, None, EINVAL),
    ],
)
async def test_a_range_that_is_none_is_refused(
    gpu: Gpu, settled: Settled, pages: int, va_range: range | None, error: type[Exception]
) -> None:
    async with Space(gpu) as space:
        with pytest.raises(error):
            await space.vmm.prepare_map(pages, va_range)
    await settled(gpu)


async def test_a_full_address_space_is_enospc(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu, va_size=2 * PAGE_SIZE) as space:
        prepared = await space.vmm.prepare_map(1)
        with pytest.raises(ENOSPC, match="buddy"):
            await space.vmm.prepare_map(2)
        await space.vmm.abort(prepared)
    await settled(gpu)


async def test_map_pages_refuses_no_pages_and_a_range_too_small(gpu: Gpu) -> None:
    async with Space(gpu) as space:
        with pytest.raises(EINVAL, match="a mapping of 0 pages"):
            await space.vmm.map_pages([], writable=True)
        frames = await space.frames(2)
        with pytest.raises(EINVAL, match="2 pages"):
            await space.vmm.map_pages(frames, range(0, PAGE_SIZE), writable=True)


async def test_addresses_given_back_are_handed_out_again(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu, va_size=PAGE_SIZE) as space:
        frames = await space.frames(1)
        for _ in range(3):
            await space.vmm.unmap_pages(await space.vmm.map_pages(frames, writable=True))
    await settled(gpu)


@pytest.mark.parametrize("kind", ["mmio", "tlb"])
async def test_an_execute_that_fails_restores_what_was_there(gpu: Gpu, settled: Settled, kind: str) -> None:
    error = {"mmio": EIO, "tlb": ETIMEDOUT}[kind]
    async with Space(gpu) as space:
        frames = await space.frames(3)
        prepared = await space.vmm.prepare_map(3)
        gpu.kernel.faults.start({kind: 1.0})
        with pytest.raises(error):
            await space.vmm.execute_map(prepared, frames, writable=True)
        assert prepared.stage is Stage.DIRTY  # the undo met the same fault
        with pytest.raises(error):
            await space.vmm.abort(prepared)
        gpu.kernel.faults.stop()
        await space.vmm.abort(prepared)
        assert list(gpu.board.mmu.leaves(space.vmm.pdb_addr)) == []
        assert table_count(space) == 1  # the root
    await settled(gpu)


async def test_an_unmap_that_fails_keeps_its_range_and_can_be_tried_again(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        mapped = await space.vmm.map_pages(await space.frames(3), writable=True)
        for kind in ("mmio", "tlb"):
            gpu.kernel.faults.start({kind: 1.0})
            with pytest.raises((EIO, ETIMEDOUT)):
                await space.vmm.unmap_pages(mapped)
            gpu.kernel.faults.stop()
            assert mapped.stage is Stage.MAPPED
        await space.vmm.unmap_pages(mapped)
    await settled(gpu)


async def test_no_host_memory_or_vram_leaves_nothing_behind(gpu: Gpu, settled: Settled) -> None:
    async with Space(gpu) as space:
        gpu.kernel.faults.start({"alloc": 1.0})
        with pytest.raises(ENOMEM):
            await space.vmm.prepare_map(1)
        gpu.kernel.faults.stop()
        rest = await space.gpu.mm.buddy.avail()
        space.blocks.append(await gpu.mm.alloc_vram(rest, owner=OWNER))
        with pytest.raises(ENOSPC):
            await space.vmm.prepare_map(1)
        assert await space.vmm.outstanding() == (0, 0) or len(gpu.mm.deferred) == 1
    await settled(gpu)


async def test_cancelled_at_any_await_a_mapping_leaves_nothing_behind(
    gpu: Gpu, settled: Settled, cancelled_at_every_await: Every
) -> None:
    space = Space(gpu)
    async with space:
        frames = await space.frames(2)

        async def work() -> None:
            mapped = await space.vmm.map_pages(frames, writable=True)
            with anyio.CancelScope(shield=True):
                await space.vmm.unmap_pages(mapped)

        async def check() -> None:
            await gpu.mm.deferred.drain()
            assert await space.vmm.outstanding() == (0, 0)
            assert list(gpu.board.mmu.leaves(space.vmm.pdb_addr)) == []
            assert gpu.kernel.lockdep.held() == ()

        assert await cancelled_at_every_await(work, check) > 15
    await settled(gpu)


async def test_cancelled_at_any_await_each_phase_can_be_taken_up_again(
    gpu: Gpu, settled: Settled, cancelled_at_every_await: Every
) -> None:
    space = Space(gpu)
    async with space:
        frames = await space.frames(2)

        async def execute_then_unmap() -> None:
            with anyio.CancelScope(shield=True):
                prepared = await space.vmm.prepare_map(2)
            try:
                mapped = await space.vmm.execute_map(prepared, frames, writable=True)
            except BaseException:
                assert prepared.stage is Stage.PENDING
                await space.vmm.abort(prepared)
                raise
            try:
                await space.vmm.unmap_pages(mapped)
            finally:
                if mapped.stage is Stage.MAPPED:
                    with anyio.CancelScope(shield=True):
                        await space.vmm.unmap_pages(mapped)

        async def check() -> None:
            await gpu.mm.deferred.drain()
            assert await space.vmm.outstanding() == (0, 0)
            assert list(gpu.board.mmu.leaves(space.vmm.pdb_addr)) == []

        await cancelled_at_every_await(execute_then_unmap, check)
    await settled(gpu)


async def test_entries_of_firmware_beside_ours_survive(gpu: Gpu, settled: Settled) -> None:
    space = Space(gpu)
    async with space:
        foreign = (await space.frames(1))[0]
        async with gpu.mm.pramin.window() as window:  # a directory that firmware hung into the root
            window.try_write64(space.vmm.pdb_addr + 8, gpu.bar_user.vmm._format.pde(foreign))
        mapped = await space.vmm.map_pages(await space.frames(1), writable=True)
        await space.vmm.unmap_pages(mapped)
        async with gpu.mm.pramin.window() as window:
            assert window.try_read64(space.vmm.pdb_addr + 8) == gpu.bar_user.vmm._format.pde(foreign)
            window.try_write64(space.vmm.pdb_addr + 8, 0)
    await settled(gpu)


async def test_the_big_half_of_a_dual_entry_survives_an_install_in_the_small_half(gpu: Gpu, settled: Settled) -> None:
    space = Space(gpu)
    async with space:
        warm = await space.vmm.map_pages(await space.frames(1), range(0, PAGE_SIZE), writable=True)
        dual = next(page for page in warm.path.pages if page.level.is_dual)
        neighbour = dual.slot + 16  # the entry of the next 2 MiB; its big half is the word below the slot
        async with gpu.mm.pramin.window() as window:
            window.try_write64(neighbour - 8, 0xABC00)
        frames = await space.frames(1)
        mapped = await space.vmm.map_pages(frames, range(2 * MIB, 2 * MIB + PAGE_SIZE), writable=True)
        async with gpu.mm.pramin.window() as window:
            assert window.try_read64(neighbour - 8) == 0xABC00
            window.try_write64(neighbour - 8, 0)
        await space.vmm.unmap_pages(mapped)
        await space.vmm.unmap_pages(warm)
    await settled(gpu)


async def test_a_vmm_needs_a_root_on_a_page(gpu: Gpu) -> None:
    vmm = Vmm(gpu.mm, VramAddress(0x1008), gpu.chipset.mmu_version, MIB, name="odd", owner=OWNER)
    with pytest.raises(EINVAL, match="4 KiB"):
        await vmm.close()
