"""The VM lock: submits of one VM wait for each other, and for nothing else."""

import anyio
from anyio.lowlevel import checkpoint

from nova_async.address import PAGE_SIZE
from nova_async.clients import Vm
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.vgpu_creator import frames_of
from nova_async.kernel import DmaFence
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.scenario import World


class SlowShrinker:
    """Reclaim that takes until ``go``, for the first allocation that enters it: of a bind's jobs, under the VM lock."""

    name = "slow"

    def __init__(self) -> None:
        self.entered = anyio.Event()
        self.go = anyio.Event()

    def count(self) -> int:
        return 0 if self.entered.is_set() else 1

    async def scan(self, count: int) -> int:
        self.entered.set()
        await self.go.wait()
        return 0


async def settle() -> None:
    for _ in range(50):
        await checkpoint()


class Binder:
    """Binds pages of its own."""

    def __init__(self, vm: Vm, name: str, pages: int = 1) -> None:
        self.name = name
        self.pages = pages
        self.bound: tuple[BindJob, DmaFence] | None = None
        self.buffer: AllocatedBlocks
        self._vm = vm

    async def allocate(self, gpu: Gpu) -> None:
        self.buffer = await gpu.mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)

    async def bind(self, *after: DmaFence) -> None:
        with anyio.fail_after(5):  # a bind that waits for its own fence would hang
            self.bound = await self._vm.bind(frames_of(self.buffer), owner=self.name, after=after)

    async def unbind(self) -> None:
        assert self.bound is not None
        assert self.bound[0].mapped is not None
        await (await self._vm.unbind(self.bound[0].mapped)).wait()
        self._vm.gpu.mm.free_vram(self.buffer)


A_WHOLE_TABLE = 512
"""Pages that do not fit into the table of the first page, so that binding them takes a table page of their own."""


async def test_a_bind_that_reclaims_holds_up_other_binds_of_its_vm_but_no_job_that_runs(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB", bar1="64KiB")
        gate = world.kernel.fence("gate")
        shrinker = SlowShrinker()
        world.kernel.reclaim.register(shrinker)
        async with Vm(gpu, "vm", pages=2 * A_WHOLE_TABLE) as vm, anyio.create_task_group() as tasks:
            early, slow, waiting = binders = Binder(vm, "a"), Binder(vm, "b", pages=A_WHOLE_TABLE), Binder(vm, "c")
            for binder in binders:
                await binder.allocate(gpu)
            await early.bind(gate)
            assert early.bound is not None
            job, fence = early.bound
            world.inject(reclaim=1.0)
            tasks.start_soon(slow.bind)
            await shrinker.entered.wait()
            world.kernel.faults.stop()
            tasks.start_soon(waiting.bind)
            await settle()
            assert [slow.bound, waiting.bound] == [None, None]

            await gate.signal()
            await fence.wait()
            assert job.mapped is not None
            assert [slow.bound, waiting.bound] == [None, None]

            shrinker.go.set()
            await settle()
            for binder in binders:
                assert binder.bound is not None
                await binder.bound[1].wait()
                await binder.unbind()
    assert world.findings == []


async def test_binds_are_queued_while_an_earlier_job_has_not_run(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
        gate = world.kernel.fence("gate")
        async with Vm(gpu, "vm", pages=64) as vm, anyio.create_task_group() as tasks:
            first, second = binders = Binder(vm, "a"), Binder(vm, "b")
            for binder in binders:
                await binder.allocate(gpu)
            await first.bind(gate)
            assert first.bound is not None
            tasks.start_soon(second.bind)
            await settle()
            both_queued = second.bound is not None and not first.bound[1].signalled and not second.bound[1].signalled
            await gate.signal()
            await settle()
            for binder in binders:
                await binder.unbind()
    assert both_queued
    assert world.findings == []
