"""One lock for prepare and execute."""

from dataclasses import dataclass, field

from nova_async.address import PAGE_SIZE
from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vm import Vm
from nova_async.kernel import DrmScheduler, Mutex
from nova_async.scenario import World, scenario


@dataclass
class LockedBindJob(BindJob):
    """Takes the lock of the whole address space to execute."""

    lock: Mutex[None] = field(kw_only=True)

    async def run(self) -> None:
        """Execute under the lock that prepare holds too."""
        async with self.lock.lock():
            await super().run()


@scenario(expect="NOVA203")
async def one_lock_for_both_phases(world: World) -> None:
    """May one lock serve both prepare and execute?

    The published prepare and execute both want the address space for themselves (``&mut Vmm``), so one lock around it
    is held across prepare's allocations and taken in the fence path: hazard (e). No allocation ever waits here; the
    order of the two uses is enough to know.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    whole_vmm: Mutex[None] = world.kernel.private_mutex("whole_vmm", None)
    async with Vm(gpu, "vm", pages=64) as vm, DrmScheduler(world.kernel.lockdep, "one-lock") as queue:
        buffer = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
        async with whole_vmm.lock():
            prepared = await vm.vmm.prepare_map(1)
        job = LockedBindJob(vm.vmm, gpu, prepared, frames_of(buffer), "vm", lock=whole_vmm)
        await queue.submit(job).wait()
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()
        gpu.mm.free_vram(buffer)
