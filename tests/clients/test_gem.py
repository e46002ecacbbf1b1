import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SHIFT
from nova_async.clients import Reclaimer, Vm
from nova_async.clients.engine import Engine, EngineJob, Touch
from nova_async.clients.evictor import Evictor
from nova_async.clients.exec_submitter import ExecSubmitter
from nova_async.clients.forcing import silent_tlb
from nova_async.clients.gem import GemObject
from nova_async.errors import EBUSY, ECANCELED, EFAULT, EIO, ENOMEM, ENOSPC, ETIMEDOUT
from nova_async.kernel import DmaFence, RingContext, RingScheduler, Usage
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu
from nova_async.scenario import World

SMALL = {"vram": "1MiB", "bar1": "64KiB"}


@dataclass
class Desk:
    """A VM, some buffers, an engine and its queue."""

    gpu: Gpu
    vm: Vm
    evictor: Evictor
    gems: list[GemObject]
    engine: Engine
    ring: RingScheduler

    def submitter(
        self, *gems: int, number: int = 0, jobs: int = 1, hangs: frozenset[int] = frozenset()
    ) -> ExecSubmitter:
        mine = [self.gems[gem] for gem in gems] or self.gems
        return ExecSubmitter(self.gpu.kernel, self.ring, self.evictor, mine, number, jobs=jobs, hangs=hangs)

    async def populate(self, *gems: int) -> None:
        for gem in gems:
            with await self.gems[gem].resv.lock() as guard:
                await self.evictor.populate(self.gems[gem], guard.data)

    async def resident(self) -> list[bool]:
        seen = []
        for gem in self.gems:
            with await gem.resv.lock() as guard:
                seen.append(guard.data.blocks is not None)
        return seen


@asynccontextmanager
async def desk(gpu: Gpu, gems: int = 2, pages: int = 1) -> AsyncIterator[Desk]:
    evictor = Evictor(gpu.kernel)
    async with Vm(gpu, "vm", pages=2048) as vm:
        made = [GemObject(vm, f"bo#{number}", pages) for number in range(gems)]
        try:
            async with Engine(gpu) as engine, RingScheduler(gpu.kernel.lockdep, "gfx", engine, timeout=0.01) as ring:
                yield Desk(gpu, vm, evictor, made, engine, ring)
        finally:
            for gem in made:
                await gem.close()


async def settle() -> None:
    for _ in range(30):
        await checkpoint()


async def test_a_job_finds_each_page_of_its_buffers_where_it_was_told(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, pages=3) as table:
            await table.submitter(jobs=3).run()
            assert table.engine.done == ["exec#0 job 0", "exec#0 job 1", "exec#0 job 2"]
    assert world.findings == []


async def test_a_job_that_is_told_a_page_of_somebody_else_says_so(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu) as table:
            await table.populate(0)
            with await table.gems[0].resv.lock() as guard:
                (touch,) = table.gems[0].touches(guard.data)
            wrong = Touch(touch.pdb, touch.vfn, touch.pfn + 1)
            nowhere = Touch(touch.pdb, touch.vfn + 512, touch.pfn)
            for bad in (wrong, nowhere):
                fence = table.ring.submit(EngineJob("bad", [bad]), RingContext("client"))
                await fence.wait()
                assert isinstance(fence.error, EFAULT)
    assert world.findings == []


async def test_an_evicted_buffer_is_populated_again_for_the_next_job(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu) as table:
            submitter = table.submitter(jobs=1)
            await submitter.run()
            assert await table.resident() == [True, True]
            assert await table.evictor.scan(1) == 1
            assert await table.resident() == [False, True]
            assert (table.evictor.count(), table.evictor.evicted) == (1, 1)
            await submitter.run()
            assert await table.resident() == [True, True]
    assert world.findings == []


async def test_a_buffer_that_was_evicted_cannot_be_named_to_a_job(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, gems=1) as table:
            with await table.gems[0].resv.lock() as guard, pytest.raises(EBUSY, match="bo#0"):
                table.gems[0].touches(guard.data)


async def test_eviction_waits_for_the_jobs_that_use_the_buffer(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, gems=1) as table:
            await table.populate(0)
            fence = world.kernel.fence("user")
            with await table.gems[0].resv.lock() as guard:
                await guard.reserve_fences()
                await guard.add_fence(fence, Usage.BOOKKEEP)
            freed: list[int] = []

            async def reclaim() -> None:
                freed.append(await table.evictor.scan(8))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(reclaim)
                await settle()
                early = list(freed)
                await fence.signal()
            assert (early, freed) == ([], [1])
    assert world.findings == []


async def test_eviction_cancelled_while_it_waits_keeps_the_buffer_for_later(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, gems=1) as table:
            await table.populate(0)
            fence = world.kernel.fence("user")
            with await table.gems[0].resv.lock() as guard:
                await guard.reserve_fences()
                await guard.add_fence(fence, Usage.WRITE)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(table.evictor.scan, 1)
                await settle()
                tasks.cancel_scope.cancel()
            assert (table.evictor.count(), table.gems[0].resv.held) == (1, False)
            await fence.signal()
            assert await table.evictor.scan(1) == 1
    assert world.findings == []


async def test_a_buffer_that_somebody_has_locked_is_left_alone(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu) as table:
            await table.populate(0, 1)
            with await table.gems[0].resv.lock():
                assert await table.evictor.scan(8) == 1
            assert (table.evictor.skipped, table.evictor.count()) == (1, 1)
            assert await table.resident() == [True, False]
    assert world.findings == []


async def test_reclaim_in_a_task_that_has_a_buffer_locked_evicts_the_others(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu) as table:
            world.kernel.reclaim.register(table.evictor)
            await table.populate(0, 1)
            world.inject(reclaim=1.0)
            with await table.gems[0].resv.lock():
                await world.kernel.memory.alloc(Gfp.KERNEL, "something")
            world.kernel.faults.stop()
            assert await table.resident() == [True, False]
    assert world.findings == []


async def test_a_buffer_that_cannot_be_unmapped_stays_resident(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, gems=1) as table:
            await table.populate(0)
            with silent_tlb(gpu):
                assert await table.evictor.scan(1) == 0
            assert await table.resident() == [True]
            assert table.evictor.count() == 1
            assert await table.evictor.scan(1) == 1
    assert world.findings == []


async def test_when_vram_is_short_the_least_recently_used_buffer_makes_room(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        pages = (await gpu.mm.buddy.avail() >> PAGE_SHIFT) // 3
        async with desk(gpu, gems=3, pages=pages) as table:
            await table.submitter(0).run()
            await table.submitter(1, number=1).run()
            await table.submitter(0, number=2).run()
            await table.submitter(2, number=3).run()
            assert await table.resident() == [True, False, True]
    assert world.findings == []


async def test_when_everything_is_in_use_there_is_no_room(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        pages = (await gpu.mm.buddy.avail() >> PAGE_SHIFT) // 3
        async with desk(gpu, gems=4, pages=pages) as table:
            with pytest.raises(ENOSPC):
                await table.submitter().run()
            assert not any(gem.resv.held for gem in table.gems)
            await table.submitter(0, 1).run()
    assert world.findings == []


async def test_writers_of_one_buffer_wait_for_each_other(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        gate = world.kernel.fence("gate")
        async with desk(gpu, gems=1) as table:
            with await table.gems[0].resv.lock() as guard:
                await guard.reserve_fences()
                await guard.add_fence(gate, Usage.WRITE)
            fence = await table.submitter().submit(0)
            await settle()
            early = fence.signalled
            await gate.signal()
            await fence.wait()
            assert (early, fence.error) == (False, None)
    assert world.findings == []


async def test_a_hung_job_costs_its_context_and_nobody_else(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu) as table:
            guilty = table.submitter(0, jobs=3, hangs=frozenset({1}))
            innocent = table.submitter(1, number=1, jobs=3)
            fences: list[DmaFence] = [await guilty.submit(0), await guilty.submit(1), await innocent.submit(0)]
            for fence in fences:
                await fence.wait()
            assert [type(fence.error) for fence in fences] == [type(None), ETIMEDOUT, type(None)]
            with pytest.raises(ECANCELED):
                await guilty.submit(2)
            await innocent.run()
    assert world.findings == []


@pytest.mark.parametrize("seed", range(4))
async def test_with_faults_and_pressure_no_memory_is_lost(anyio_backend: str, seed: int) -> None:
    world = World(scenario="gems", seed=seed, backend=anyio_backend)
    async with world:
        gpu = await world.boot(**SMALL)
        async with desk(gpu, gems=12, pages=20) as table:
            world.kernel.reclaim.register(table.evictor)
            world.inject(reclaim=0.2, alloc=0.01, tlb=0.02, mmio=0.002)
            async with world.clients() as clients:
                clients.attend(Reclaimer(world.kernel))
                for number in range(4):
                    first = 3 * number
                    submitter = table.submitter(first, (first + 1) % 12, (first + 4) % 12, number=number, jobs=4)
                    clients.start(Forgiving(submitter))
            world.kernel.faults.stop()
            world.kernel.reclaim.unregister(table.evictor)
    assert world.findings == []


class Forgiving:
    """Takes an error as the end of its work."""

    def __init__(self, client: ExecSubmitter) -> None:
        self.name = client.name
        self._client = client

    async def run(self) -> None:
        with contextlib.suppress(EIO, ENOMEM, ENOSPC, ETIMEDOUT, ECANCELED):
            await self._client.run()


async def test_jobs_on_two_buffers_cancelled_at_any_await_leave_nothing_behind(
    cancelled_everywhere: Callable[[Callable[[Gpu], Awaitable[None]]], Awaitable[int]],
) -> None:
    async def use(gpu: Gpu) -> None:
        async with desk(gpu) as table:
            await table.submitter().run()
            await table.evictor.scan(1)

    assert await cancelled_everywhere(use) > 50
