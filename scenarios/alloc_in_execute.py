"""Allocation in the execute phase."""

from dataclasses import dataclass

from nova_async.address import PAGE_SIZE
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vm import Vm
from nova_async.kernel import DrmScheduler
from nova_async.lockdep import Gfp
from nova_async.scenario import World, scenario


@dataclass
class GrowingBindJob(BindJob):
    """Grows its list of table pages when it runs, instead of having reserved it when it was prepared."""

    async def run(self) -> None:
        """Allocate, then execute."""
        await self.gpu.kernel.memory.alloc(Gfp.KERNEL, "room for the table pages")
        await super().run()


@scenario(expect="NOVA202")
async def alloc_in_execute(world: World) -> None:
    """May the execute phase allocate if it finds that it is short of something?

    The fence of the job is public by then. The allocation may reclaim, reclaim may wait for that fence, and the job
    that signals it is the one that allocates.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with Vm(gpu, "vm", pages=64) as vm, DrmScheduler(world.kernel.lockdep, "growing") as queue:
        buffer = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
        job = GrowingBindJob(vm.vmm, gpu, await vm.vmm.prepare_map(1), frames_of(buffer), "vm")
        await queue.submit(job).wait()
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()
        gpu.mm.free_vram(buffer)
