from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import Vfn
from nova_async.clients import Vm
from nova_async.clients.forcing import buffer
from nova_async.clients.userptr import ProcessMemory, Userptr
from nova_async.errors import ENOMEM
from nova_async.mm import Gpu
from nova_async.mm.frames import runs_of
from nova_async.mm.mapping import Stage
from nova_async.point import running_under
from nova_async.runtime import Live
from nova_async.scenario import World

SMALL = {"vram": "1MiB", "bar1": "64KiB"}


@asynccontextmanager
async def mirrored(gpu: Gpu, pages: int = 2) -> AsyncIterator[Userptr]:
    async with (
        Vm(gpu, "vm", pages=256) as vm,
        ProcessMemory(gpu, "process", pages) as memory,
        Userptr(vm, memory, "userptr") as mirror,
    ):
        yield mirror


async def mapped_frames(mirror: Userptr, first: int, pages: int = 2) -> list[int | None]:
    return [await mirror.vm.vmm.read_mapping(Vfn(first + page)) for page in range(pages)]


async def settle() -> None:
    for _ in range(50):
        await checkpoint()


async def test_a_mirror_maps_the_pages_where_they_are(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with mirrored(gpu) as mirror:
            job, fence = await mirror.bind()
            await fence.wait()
            assert job.mapped is not None
            assert await mapped_frames(mirror, job.mapped.vfn_start) == await mirror.memory.get_user_pages()
    assert world.findings == []


async def test_pages_that_move_are_unmapped_first_and_can_be_bound_again(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with mirrored(gpu) as mirror:
            before = await mirror.memory.get_user_pages()
            job, fence = await mirror.bind()
            await fence.wait()
            assert job.mapped is not None
            first = job.mapped.vfn_start
            await mirror.memory.move()
            assert await mapped_frames(mirror, first) == [None, None]
            assert not set(before) & set(await mirror.memory.get_user_pages())
            again, fence = await mirror.bind()
            await fence.wait()
            assert again.mapped is not None
            assert await mapped_frames(mirror, again.mapped.vfn_start) == await mirror.memory.get_user_pages()
            assert mirror.retries == 0
    assert world.findings == []


async def test_pages_do_not_move_before_the_bind_that_uses_them_has_run(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        gate = world.kernel.fence("gate")
        async with buffer(gpu, 1) as frames, mirrored(gpu) as mirror:
            first, _ = await mirror.vm.bind(frames, owner="vm", after=[gate])
            job, fence = await mirror.bind()
            before = await mirror.memory.get_user_pages()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(mirror.memory.move)
                await settle()
                assert not fence.signalled
                gpu.mm.owners.check(runs_of(before), "process")
                await gate.signal()
            assert job.mapped is not None
            assert job.mapped.stage is Stage.GONE
            assert not set(before) & set(await mirror.memory.get_user_pages())
            assert first.mapped is not None
            await (await mirror.vm.unbind(first.mapped)).wait()
    assert world.findings == []


@pytest.mark.parametrize("seed", range(6))
async def test_binds_that_meet_moves_retry_and_never_map_stale_pages(anyio_backend: str, seed: int) -> None:
    world = World(scenario="userptr", seed=seed, backend=anyio_backend)
    retries = []
    async with world:
        gpu = await world.boot(**SMALL)
        async with mirrored(gpu) as mirror:

            async def move() -> None:
                for _ in range(30):
                    await mirror.memory.move()

            with running_under(Live(seed, preemption=0.5)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(move)
                    for _ in range(10):
                        _, fence = await mirror.bind()
                        await fence.wait()
                        assert fence.error is None
                        await mirror.invalidate()
            retries.append(mirror.retries)
    assert world.findings == []
    assert retries[0] > 0


async def test_of_two_invalidations_neither_returns_before_the_entries_are_gone(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with mirrored(gpu) as mirror:
            job, fence = await mirror.bind()
            await fence.wait()
            returned: list[Stage] = []

            async def invalidate() -> None:
                await mirror.invalidate()
                assert job.mapped is not None
                returned.append(job.mapped.stage)

            async with anyio.create_task_group() as tasks, gpu.mm.pramin.window():
                for _ in range(2):
                    tasks.start_soon(invalidate)
                await settle()
                early = list(returned)
            assert early == []
            assert returned == [Stage.GONE, Stage.GONE]
    assert world.findings == []


async def test_a_bind_that_gets_no_memory_leaves_nothing(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with mirrored(gpu) as mirror:
            for _ in range(20):
                world.inject(alloc=0.4)
                try:
                    _, fence = await mirror.bind()
                except ENOMEM:
                    world.kernel.faults.stop()
                else:
                    world.kernel.faults.stop()
                    await fence.wait()
                    await mirror.invalidate()
    assert world.findings == []
    assert world.kernel.faults.injected["alloc"] > 3


async def test_a_mirror_cancelled_at_any_await_leaves_nothing_behind(
    cancelled_everywhere: Callable[[Callable[[Gpu], Awaitable[None]]], Awaitable[int]],
) -> None:
    async def use(gpu: Gpu) -> None:
        async with mirrored(gpu) as mirror:
            _, fence = await mirror.bind()
            await fence.wait()
            await mirror.memory.move()

    assert await cancelled_everywhere(use) > 50
