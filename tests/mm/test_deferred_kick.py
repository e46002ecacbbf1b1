"""Who kicks the deferred frees waits for one drain at most, and loses nothing."""

import gc

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SIZE
from nova_async.errors import EIO
from nova_async.mm import Gpu
from nova_async.scenario import World


async def give_back(gpu: Gpu, owner: str) -> None:
    gpu.mm.free_vram(await gpu.mm.alloc_vram(PAGE_SIZE, owner=owner))


async def test_a_kick_alone_frees_what_waits(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        await give_back(gpu, "somebody")
        await gpu.mm.deferred.kick()
        assert len(gpu.mm.deferred) == 0
    assert world.findings == []


async def test_the_error_of_a_drain_is_gone_without_the_collector(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await give_back(gpu, "somebody")
                gpu.kernel.faults.start({"mmio": 1.0})
                with pytest.raises(EIO):
                    await gpu.mm.deferred.drain()
                gpu.kernel.faults.stop()
            left = [thing for thing in gc.get_objects() if isinstance(thing, EIO)]
            assert len(left) <= 1
        finally:
            gc.enable()
    assert world.findings == []


async def test_only_one_waits_behind_a_drain_and_it_frees_what_the_others_brought(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        deferred = gpu.mm.deferred
        returned: list[str] = []

        async def kick(owner: str) -> None:
            await give_back(gpu, owner)
            await deferred.kick()
            returned.append(owner)

        async with deferred._draining.lock() as draining, anyio.create_task_group() as tasks:
            for owner in ("next", "third", "fourth"):
                tasks.start_soon(kick, owner)
                for _ in range(20):
                    await checkpoint()
            assert returned == ["third", "fourth"]
            assert len(deferred) == 3
            draining.release()
        assert returned[-1] == "next"
        assert len(deferred) == 0
        await give_back(gpu, "late")
        await deferred.kick()
        assert len(deferred) == 0
    assert world.findings == []
