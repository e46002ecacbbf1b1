"""Many clients on one GpuMm, killed and disturbed, and the accounts close all the same."""

import contextlib
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SIZE
from nova_async.clients import DrmSubmitter, IdleBuffers, Reclaimer, VgpuCreator, Vm
from nova_async.errors import EIO, ENOMEM, Errno, UsageError
from nova_async.kernel import FaultPlan
from nova_async.mm import Gpu
from nova_async.mm.surely import TRIES, surely
from nova_async.operation import Operation
from nova_async.point import running_under
from nova_async.runtime import Live
from nova_async.scenario import World


async def test_a_hundred_creators_and_a_hundred_submitters_leave_nothing_behind(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="64MiB")
        async with Vm(gpu, "vm", pages=4096) as vm, world.clients() as clients:
            for number in range(100):
                clients.start(VgpuCreator(gpu, number))
                clients.start(DrmSubmitter(vm, number))
        assert clients.finished == 200
    assert world.findings == []


async def test_creators_of_both_table_formats_share_a_kernel(world: World) -> None:
    async with world:
        for chip in ("AD102", "GB202"):
            gpu = await world.boot(chip, vram="16MiB")
            async with world.clients() as clients:
                for number in range(3):
                    clients.start(VgpuCreator(gpu, number, pages=600 if number == 0 else 4))
    assert world.findings == []


class KillAt(Live):
    """Kills one client at the n-th point that anybody reaches."""

    def __init__(self, nth: int, scope: anyio.CancelScope) -> None:
        super().__init__()
        self.left = nth
        self._scope = scope

    async def reach(self, operation: Operation) -> None:
        self.left -= 1
        if self.left <= 0:
            self._scope.cancel()
            await checkpoint()
        await super().reach(operation)


async def cancelled_at_every_await(backend: str, use: Callable[[Gpu], Awaitable[None]]) -> int:
    """Use a fresh device, cancelled at its first point, its second, …; returns how many there are."""
    for nth in range(1, 1000):
        world = World(scenario="killed", seed=0, backend=backend)
        async with world:
            gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
            with anyio.CancelScope() as scope:
                runtime = KillAt(nth, scope)
                with running_under(runtime):
                    await use(gpu)
        assert world.findings == [], nth
        if runtime.left > 0:
            return nth
    raise AssertionError("the work never ends")


async def test_a_creator_cancelled_at_any_await_leaves_nothing_behind(anyio_backend: str) -> None:
    async def create(gpu: Gpu) -> None:
        await VgpuCreator(gpu, 0, pages=2).run()

    assert await cancelled_at_every_await(anyio_backend, create) > 50


async def test_a_submitter_and_its_queue_cancelled_at_any_await_leave_nothing_behind(anyio_backend: str) -> None:
    async def submit(gpu: Gpu) -> None:
        async with Vm(gpu, "vm", pages=64) as vm:
            await DrmSubmitter(vm, 0).run()

    assert await cancelled_at_every_await(anyio_backend, submit) > 50


async def test_a_killed_client_does_not_harm_the_others(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with Vm(gpu, "vm", pages=256) as vm, world.clients() as clients:
            for number in range(6):
                clients.start(VgpuCreator(gpu, number, rounds=3))
                clients.start(DrmSubmitter(vm, number, binds=3))
            for number in range(0, 6, 2):
                await checkpoint()
                clients.kill(f"vgpu#{number}")
                clients.kill(f"drm#{number}")
        assert clients.finished >= 6
    assert world.findings == []


async def test_killing_nobody_is_refused(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
        async with world.clients() as clients:
            clients.start(VgpuCreator(gpu, 0))
            with pytest.raises(UsageError, match="vgpu#0"):
                clients.kill("vgpu#9")


async def test_a_run_with_nobody_in_it_is_refused(world: World) -> None:
    async with world:
        with pytest.RaisesGroup(pytest.RaisesGroup(UsageError)):
            async with world.clients():
                pass


@pytest.mark.parametrize("seed", range(5))
async def test_with_faults_everywhere_nothing_is_lost(anyio_backend: str, seed: int) -> None:
    world = World(scenario="faults", seed=seed, backend=anyio_backend)
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        idle = IdleBuffers(world.kernel, gpu.mm)
        world.kernel.reclaim.register(idle)
        async with Vm(gpu, "vm", pages=1024) as vm:
            world.inject(alloc=0.05, mmio=0.01, tlb=0.05, reclaim=0.1)
            async with world.clients() as clients:
                clients.attend(Reclaimer(world.kernel))
                for number in range(8):
                    clients.start(Forgiving(VgpuCreator(gpu, number, rounds=2)))
                    clients.start(Forgiving(DrmSubmitter(vm, number, binds=3, idle=idle)))
            world.kernel.faults.stop()
            await world.kernel.reclaim.shrink()
        assert world.kernel.faults.injected.total() > 10
    assert world.findings == []


class Forgiving:
    """A client that takes an error as the end of its work; its cleanup has run by then."""

    def __init__(self, client: VgpuCreator | DrmSubmitter) -> None:
        self.name = client.name
        self._client = client

    async def run(self) -> None:
        with contextlib.suppress(Errno):
            await self._client.run()


async def test_idle_buffers_are_freed_by_reclaim_once_their_fence_has_signalled(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
        idle = IdleBuffers(world.kernel, gpu.mm)
        world.kernel.reclaim.register(idle)
        fence = world.kernel.fence("work")
        await idle.put(await gpu.mm.alloc_vram(PAGE_SIZE, owner="drm#0"), fence)
        freed: list[int] = []

        async def reclaim() -> None:
            freed.append(await world.kernel.reclaim.shrink())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reclaim)
            for _ in range(5):
                await checkpoint()
            assert not freed
            await fence.signal()
        assert freed == [1]
        assert idle.count() == 0
    assert world.findings == []


async def test_cleanup_is_tried_again_until_the_device_answers(world: World) -> None:
    plan = FaultPlan({"tlb": 0.5}, seed=3)
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        if plan.strikes("tlb"):
            raise EIO("no answer")

    for _ in range(10):
        await surely(call)
    assert calls == 10 + plan.injected["tlb"] > 10


async def test_cleanup_gives_a_dead_device_up_and_passes_other_errors_on() -> None:
    calls = 0

    async def dead() -> None:
        nonlocal calls
        calls += 1
        raise EIO("no answer")

    async def hungry() -> None:
        raise ENOMEM("no memory")

    with pytest.raises(EIO):
        await surely(dead)
    assert calls == TRIES
    with pytest.raises(ENOMEM):
        await surely(hungry)
