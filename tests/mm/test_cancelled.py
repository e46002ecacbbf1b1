"""Cancellation where it hurts: in the middle of giving back, and while others rely on what is undone."""

from collections.abc import Awaitable, Callable

import anyio
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.hw.mmu import Access
from nova_async.mm import Gpu, MappedRange, PreparedMapping
from nova_async.mm.mapping import Stage

Settled = Callable[[Gpu], Awaitable[None]]
Every = Callable[[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], Awaitable[int]]

OWNER = "client"


async def settle() -> None:
    for _ in range(20):
        await checkpoint()


async def test_a_drain_cancelled_at_any_await_loses_nothing(
    gpu: Gpu, settled: Settled, cancelled_at_every_await: Every
) -> None:
    async def work() -> None:
        with anyio.CancelScope(shield=True):
            for _ in range(2):
                gpu.mm.free_vram(await gpu.mm.alloc_vram(3 * PAGE_SIZE, owner=OWNER))
        await gpu.mm.deferred.drain()

    async def check() -> None:
        await gpu.mm.deferred.drain()
        assert gpu.mm.owners.by_owner() == {}
        assert await gpu.mm.buddy.avail() == len(gpu.mm.usable)

    await cancelled_at_every_await(work, check)
    await settled(gpu)


async def test_bar1_is_unmapped_by_a_cancelled_task_that_has_to_wait_for_the_window(gpu: Gpu, settled: Settled) -> None:
    blocks = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)

    async def use() -> None:
        async with await gpu.bar_user.map(frames_of(blocks), writable=True, owner=OWNER):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        await settle()
        async with gpu.mm.pramin.window():
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await settle()
    gpu.mm.free_vram(blocks)
    await settled(gpu)


async def test_undoing_an_execute_leaves_the_tables_that_another_mapping_came_to_rely_on(
    gpu: Gpu, settled: Settled
) -> None:
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    vmm = gpu.vmm(VramAddress(root.address), 16 * PAGE_SIZE, name="shared", owner=OWNER)
    blocks = await gpu.mm.alloc_vram(2 * PAGE_SIZE, owner=OWNER)
    frames = frames_of(blocks)
    first, second = await vmm.prepare_map(1), await vmm.prepare_map(1)
    mapped: list[MappedRange] = []

    async def execute(prepared: PreparedMapping, frame: int, scope: anyio.CancelScope) -> None:
        with scope:
            mapped.append(await vmm.execute_map(prepared, frames[frame : frame + 1], writable=True))

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as tasks, gpu.mm.tlb._lock.lock():
        # Both have written their entries and wait for their flush when the first is cancelled.
        tasks.start_soon(execute, first, 0, scope)
        await settle()
        tasks.start_soon(execute, second, 1, anyio.CancelScope())
        await settle()
        scope.cancel()
        await settle()
    assert first.stage is Stage.PENDING
    (live,) = mapped
    va = live.vfn_start * PAGE_SIZE
    assert gpu.board.mmu.translate(vmm.pdb_addr, va, Access.READ).physical(va) == frames[1].address()
    await vmm.abort(first)
    await vmm.unmap_pages(live)
    await vmm.close()
    gpu.mm.free_vram(root)
    gpu.mm.free_vram(blocks)
    await settled(gpu)
