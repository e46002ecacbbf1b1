"""``&mut Vmm`` in both phases."""

from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.clients.forcing import buffer
from nova_async.clients.published_vm import PublishedVm
from nova_async.clients.vm import Vm
from nova_async.kernel import DrmScheduler, Mutex
from nova_async.mm.published import MappedRange, PreparedMapping, Vmm
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class ExclusiveBind:
    """Executes in the run stage, with the whole Vmm for itself as ``&mut self`` asks for."""

    vmm: Vmm
    lock: Mutex[None]
    prepared: PreparedMapping
    frame: Pfn
    mapped: MappedRange | None = None

    async def run(self) -> None:
        """Execute, under the lock that prepare had."""
        async with self.lock.lock():
            self.mapped = await self.vmm.execute_map(self.prepared, [self.frame], writable=True)

    async def stop(self) -> None:
        """Nothing was promised."""

    async def cleanup(self) -> None:
        """Unmap, outside of the signalling section."""
        if self.mapped is not None:
            await self.vmm.unmap_pages(self.mapped)


@scenario(expect="NOVA203")
async def exclusive_vmm(world: World) -> None:
    """May prepare and execute both want the Vmm for themselves?

    Hazard (e), seed 004, PROVEN by types. Whatever lock provides ``&mut Vmm`` is held while prepare allocates and taken
    in the fence path by execute. The May series has just this, ``Mutex<Vmm>`` in BarUser. No allocation waits here.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    whole: Mutex[None] = world.kernel.private_mutex("whole_vmm", None)
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        async with whole.lock():
            prepared = await vm.vmm.prepare_map(1)
        async with DrmScheduler(world.kernel.lockdep, "bind") as queue:
            await queue.submit(ExclusiveBind(vm.vmm, whole, prepared, frames[0])).wait()


@scenario(expect=CLEAN)
async def exclusive_vmm_ours(world: World) -> None:
    """Is no lock of ours both held by an allocating prepare and taken by execute?

    Hazard (e), the same bind. The lock of our page tables is let go to allocate what is missing, and taken again to
    look whether it still is.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
        job, bound = await vm.bind(frames, owner="vm")
        await bound.wait()
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()
