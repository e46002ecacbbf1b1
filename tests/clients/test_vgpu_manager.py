from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.clients.vgpu_manager import TOTAL_CHANNELS, State, Vgpu, VgpuManager, VgpuType
from nova_async.errors import EBUSY, EEXIST, EIO, ENODEV, ENOMEM, ENOSPC, ETIMEDOUT
from nova_async.mm import Gpu
from nova_async.scenario import World

SMALL = {"vram": "1MiB", "bar1": "64KiB"}


def of_type(gpu: Gpu, instances: int = 2) -> VgpuManager:
    return VgpuManager(gpu, VgpuType("type-a", instances, pages=2))


async def test_instances_have_slots_and_channels_of_their_own(world: World) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL), instances=4)
        made = [await manager.create(gfid, 0x100 + gfid) for gfid in range(4)]
        assert [vgpu.slot for vgpu in made] == [0, 1, 2, 3]
        assert sorted(channel for vgpu in made for channel in vgpu.channels) == list(range(TOTAL_CHANNELS))
        for vgpu in made:
            await manager.destroy(vgpu)
    assert world.findings == []


@pytest.mark.parametrize(("gfid", "dbdf"), [(1, 0x200), (2, 0x101)])
async def test_a_function_that_has_one_gets_no_second(world: World, gfid: int, dbdf: int) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL))
        first = await manager.create(1, 0x101)
        with pytest.raises(EEXIST, match="gfid"):
            await manager.create(gfid, dbdf)
        assert await manager.instances() == [first]
        await manager.destroy(first)
        await manager.destroy(await manager.create(gfid, dbdf))
    assert world.findings == []


async def test_no_more_than_the_type_allows_and_the_slot_of_one_that_is_gone_is_free(world: World) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL))
        first, second = await manager.create(1, 0x101), await manager.create(2, 0x102)
        with pytest.raises(ENOSPC, match="all 2 instances"):
            await manager.create(3, 0x103)
        await manager.destroy(first)
        third = await manager.create(3, 0x103)
        assert third.slot == first.slot
        await manager.destroy(second)
        await manager.destroy(third)
    assert world.findings == []


async def test_one_that_is_used_is_not_destroyed_and_one_that_is_gone_is_not_used(world: World) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL))
        vgpu = await manager.create(1, 0x101)
        async with manager.using(vgpu):
            with pytest.raises(EBUSY, match="1 users"):
                await manager.destroy(vgpu)
        await manager.destroy(vgpu)
        assert vgpu.state is State.GONE
        with pytest.raises(ENODEV):
            async with manager.using(vgpu):
                pass
        with pytest.raises(ENODEV):
            await manager.destroy(vgpu)
    assert world.findings == []


async def test_of_two_who_destroy_one_instance_one_is_refused(world: World) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL))
        vgpu = await manager.create(1, 0x101)
        refused: list[ENODEV] = []

        async def destroy() -> None:
            try:
                await manager.destroy(vgpu)
            except ENODEV as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(destroy)
            tasks.start_soon(destroy)
        assert len(refused) == 1
        assert await manager.instances() == []
    assert world.findings == []


async def test_while_one_is_built_its_function_and_its_slot_are_taken(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        manager = of_type(gpu, instances=1)
        made: list[Vgpu] = []

        async def create() -> None:
            made.append(await manager.create(1, 0x101))

        async with anyio.create_task_group() as tasks, gpu.mm.pramin.window():
            tasks.start_soon(create)
            for _ in range(20):
                await checkpoint()
            (building,) = await manager.instances()
            assert building.state is State.CREATING
            with pytest.raises(EEXIST):
                await manager.create(1, 0x101)
            with pytest.raises(ENOSPC):
                await manager.create(2, 0x102)
            with pytest.raises(ENODEV):
                await manager.destroy(building)
        assert made == [building]
        await manager.destroy(building)
    assert world.findings == []


@pytest.mark.parametrize("fault", ["alloc", "mmio", "tlb"])
async def test_a_creation_that_fails_at_any_step_leaves_its_slot_and_nothing_else(world: World, fault: str) -> None:
    async with world:
        manager = of_type(await world.boot(**SMALL), instances=1)
        failed = 0
        world.inject(**{fault: 0.05})
        for _ in range(60):
            try:
                vgpu = await manager.create(1, 0x101)
            except (ENOMEM, EIO, ETIMEDOUT):
                failed += 1
            else:
                await manager.destroy(vgpu)
            assert await manager.instances() == []
        world.kernel.faults.stop()
        assert failed > 3
    assert world.findings == []


async def test_a_creation_cancelled_at_any_await_leaves_its_slot_and_nothing_else(
    cancelled_everywhere: Callable[[Callable[[Gpu], Awaitable[None]]], Awaitable[int]],
) -> None:
    async def use(gpu: Gpu) -> None:
        manager = of_type(gpu, instances=1)
        made: list[Vgpu] = []
        try:
            made.append(await manager.create(1, 0x101))
            async with manager.using(made[0]):
                await checkpoint()
        finally:
            with anyio.CancelScope(shield=True):
                for vgpu in made:
                    await manager.destroy(vgpu)
                assert await manager.instances() == []

    assert await cancelled_everywhere(use) > 50
