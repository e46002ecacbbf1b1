"""``&mut Vmm`` in both phases."""

from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.clients.caller import binding, one_caller
from nova_async.clients.forcing import FenceWaiter, buffer
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
@one_caller
async def exclusive_vmm_ours(world: World) -> None:
    """Is no lock of ours both held by an allocating prepare and taken by execute?

    Hazard (e), the same bind. The lock of our page tables is let go to allocate what is missing, and taken again to
    look whether it still is.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        Vm(gpu, "vm", pages=64) as vm,
        binding(vm, frames, owner="vm") as (_, bound),
    ):
        await bound.wait()


@scenario(expect=("NOVA203", "NOVA401"))
async def reclaim_inversion(world: World) -> None:
    """Does one lock for prepare and execute deadlock as soon as memory is short?

    Hazard (e), the published code of seed 004, and now an allocation waits. Prepare holds the Vmm and reclaims, reclaim
    waits for a fence, and the job that would signal it waits for the Vmm.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    whole: Mutex[None] = world.kernel.private_mutex("whole_vmm", None)
    gate = world.kernel.fence("gate")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        async with whole.lock():
            prepared = await vm.vmm.prepare_map(1)
        async with DrmScheduler(world.kernel.lockdep, "bind") as queue:
            bound = queue.submit(ExclusiveBind(vm.vmm, whole, prepared, frames[0]), after=[gate])
            world.kernel.reclaim.register(FenceWaiter(bound))
            world.inject(reclaim=1.0)
            async with whole.lock():
                await gate.signal()
                await vm.vmm.prepare_map(1)


@scenario(expect=CLEAN)
@one_caller
async def reclaim_inversion_ours(world: World) -> None:
    """Do our binds get through when every allocation reclaims and waits for them?

    Hazard (e), the same shortage. The second bind reclaims under the VM lock and waits for the fence of the first,
    whose job takes no lock that is held there.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    gate = world.kernel.fence("gate")
    async with (
        buffer(gpu, 2) as frames,
        Vm(gpu, "vm", pages=64) as vm,
        binding(vm, frames[:1], owner="vm", after=[gate]) as (_, first),
    ):
        world.kernel.reclaim.register(FenceWaiter(first))
        world.inject(reclaim=1.0)
        await gate.signal()
        async with binding(vm, frames[1:], owner="vm") as (_, second):
            assert first.signalled
            world.inject(reclaim=0.0)
            await second.wait()
