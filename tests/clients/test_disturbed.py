"""What a hostile review found, each as the shortest sequence that showed it. World's sanitizer watches all of them."""

import contextlib

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.clients import IdleBuffers, VgpuCreator, Vm
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EBUSY, EINVAL, EIO, Errno
from nova_async.kernel import DrmScheduler
from nova_async.lockdep import Gfp
from nova_async.mm.lock_order import FRAMES
from nova_async.mm.mapping import MappedRange
from nova_async.point import running_under
from nova_async.runtime import Live
from nova_async.scenario import World

SMALL = {"vram": "1MiB", "bar1": "64KiB"}


async def test_memory_that_is_on_its_way_back_is_waited_for(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        everything = await gpu.mm.buddy.avail()
        gpu.mm.free_vram(await gpu.mm.alloc_vram(everything, owner="first"))

        async def take_and_give_back(owner: str) -> None:
            for _ in range(5):
                gpu.mm.free_vram(await gpu.mm.alloc_vram(everything // 2, owner=owner))
                await gpu.mm.deferred.drain()

        with running_under(Live(seed=1, preemption=0.9)):
            async with anyio.create_task_group() as tasks:
                for owner in ("second", "third"):
                    tasks.start_soon(take_and_give_back, owner)
    assert world.findings == []


async def test_reclaim_cancelled_while_it_waits_keeps_the_buffer(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        idle = IdleBuffers(world.kernel, gpu.mm)
        world.kernel.reclaim.register(idle)
        fence = world.kernel.fence("unbound")
        await idle.put(await gpu.mm.alloc_vram(PAGE_SIZE, owner="drm#0"), fence)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(world.kernel.reclaim.shrink)
            for _ in range(5):
                await checkpoint()
            tasks.cancel_scope.cancel()
        assert (idle.count(), len(gpu.mm.deferred)) == (1, 0)
        await fence.signal()
        assert await world.kernel.reclaim.shrink() == 1
    assert world.findings == []


async def test_a_buffer_whose_unbind_failed_is_not_freed(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        idle = IdleBuffers(world.kernel, gpu.mm)
        fence = world.kernel.fence("unbound")
        buffer = await gpu.mm.alloc_vram(PAGE_SIZE, owner="drm#0")
        await idle.put(buffer, fence)
        await fence.signal(EIO("the device is dead"))
        assert await idle.scan(1) == 0
        assert idle.count() == 1
        gpu.mm.free_vram(buffer)
    assert world.findings == []


async def test_a_map_suspended_while_the_space_is_closed_maps_nothing(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        buffer = await gpu.mm.alloc_vram(PAGE_SIZE, owner="client")
        refused = 0
        for delay in range(1, 25):
            root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="client")
            vmm = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name=f"vmm{delay}", owner="client")
            outcome: list[MappedRange | Errno] = []

            async def map_one(vmm=vmm, outcome=outcome) -> None:  # type: ignore[no-untyped-def]
                try:
                    outcome.append(await vmm.map_pages(frames_of(buffer), writable=True))
                except Errno as error:
                    outcome.append(error)

            with running_under(Live(seed=delay, preemption=0.9)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(map_one)
                    for _ in range(delay):
                        await checkpoint()
                    with contextlib.suppress(EBUSY):
                        await vmm.close()
            if isinstance(outcome[0], MappedRange):
                await vmm.unmap_pages(outcome[0])
                await vmm.close()
            else:
                assert isinstance(outcome[0], EINVAL)
                refused += 1
            gpu.mm.free_vram(root)
            await gpu.mm.deferred.drain()
        assert refused
        gpu.mm.free_vram(buffer)
    assert world.findings == []


class Unstoppable:
    """A job that never ends by itself, and whose stop fails."""

    def __init__(self, world: World) -> None:
        self.cleaned = False
        self._world = world

    async def run(self) -> None:
        await anyio.sleep_forever()

    async def stop(self) -> None:
        await self._world.kernel.memory.alloc(Gfp.KERNEL, "late")
        raise EIO("the device is dead")

    async def cleanup(self) -> None:
        self.cleaned = True


async def test_a_stop_that_fails_still_signals_every_fence_and_is_judged_as_fence_path(world: World) -> None:
    async with world:
        jobs = [Unstoppable(world), Unstoppable(world)]
        with anyio.CancelScope() as scope:
            async with DrmScheduler(world.kernel.lockdep, "ring") as ring:
                fences = [ring.submit(job) for job in jobs]
                await checkpoint()
                scope.cancel()
        assert [type(fence.error) for fence in fences] == [EIO, EIO]
        assert all(job.cleaned for job in jobs)
    assert {finding.code for finding in world.findings} == {"NOVA202"}


async def test_memory_given_back_twice_is_refused_and_its_next_owner_keeps_it(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        first = await gpu.mm.alloc_vram(PAGE_SIZE, owner="first")
        gpu.mm.free_vram(first)
        await gpu.mm.deferred.drain()
        second = await gpu.mm.alloc_vram(PAGE_SIZE, owner="second")
        assert second.address == first.address
        with pytest.raises(EINVAL, match="first are given back twice"):
            gpu.mm.free_vram(first)
        gpu.mm.free_vram(second)
    assert world.findings == []


async def test_a_bind_that_meets_a_closed_queue_gives_its_preparation_back(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        buffer = await gpu.mm.alloc_vram(PAGE_SIZE, owner="drm#0")
        async with Vm(gpu, "vm", pages=64) as vm:
            async with vm._queue.lock() as queue:
                queue.data._submitted.close()
            with pytest.raises(EINVAL, match="closed"):
                await vm.bind(frames_of(buffer), owner="drm#0")
        gpu.mm.free_vram(buffer)
    assert world.findings == []


@pytest.mark.parametrize("seed", range(4))
async def test_a_failed_execute_leaves_no_entry_to_what_its_caller_frees(anyio_backend: str, seed: int) -> None:
    world = World(scenario="dirty", seed=seed, backend=anyio_backend)
    async with world:
        gpu = await world.boot(**SMALL)
        for _ in range(20):
            buffer = await gpu.mm.alloc_vram(2 * PAGE_SIZE, owner="client")
            world.inject(mmio=0.15, tlb=0.15)
            try:
                access = await gpu.bar_user.map(frames_of(buffer), writable=True, owner="client")
            except Errno:
                access = None
            world.kernel.faults.stop()
            if access is not None:
                await access.unmap()
            gpu.mm.free_vram(buffer)
            await gpu.mm.deferred.drain()
    assert world.findings == []


async def test_an_atomic_allocation_is_no_place_to_be_preempted(world: World) -> None:
    async with world:
        lock = world.kernel.spinlock(FRAMES, [0])

        async def count() -> None:
            for _ in range(20):
                with lock.lock() as data:
                    await world.kernel.memory.alloc(Gfp.ATOMIC, "node")
                    data[0] += 1
                await checkpoint()

        with running_under(Live(seed=1, preemption=1.0)):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(count)
        with lock.lock() as data:
            assert data == [60]
    assert world.findings == []


async def test_creators_killed_while_they_contend_leave_nothing_behind(anyio_backend: str) -> None:
    for moment in range(0, 120, 7):
        world = World(scenario="killed", seed=moment, backend=anyio_backend)
        async with world:
            gpu = await world.boot(**SMALL)
            async with world.clients() as clients:
                for number in range(3):
                    clients.start(VgpuCreator(gpu, number, pages=2))
                for _ in range(moment):
                    await checkpoint()
                clients.kill("vgpu#1")
        assert world.findings == [], moment
