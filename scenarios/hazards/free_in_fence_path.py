"""Frees to a buddy in the run stage."""

from dataclasses import dataclass

from nova_async.clients.caller import binding, one_caller
from nova_async.clients.forcing import buffer, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.clients.vm import Vm
from nova_async.kernel import DrmScheduler
from nova_async.mm.published import MappedRange, Vmm
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class PublishedUnbind:
    """Unmaps in the run stage, for which the published unmap is meant."""

    vmm: Vmm
    mapped: MappedRange

    async def run(self) -> None:
        """Invalidate, flush, and drop the range."""
        await self.vmm.unmap_pages(self.mapped)

    async def stop(self) -> None:
        """Nothing was promised."""

    async def cleanup(self) -> None:
        """Nothing is left."""


@scenario(expect="NOVA203")
async def free_in_fence_path(world: World) -> None:
    """May unmap free its addresses in the fence path?

    Hazard (k), seed 004 on the published buddy, PROVEN+. The buddy holds its mutex while it allocates block nodes with
    GFP_KERNEL; dropping an allocation takes that mutex. So the fence waits for a lock whose holder may reclaim.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        mapped = await vm.vmm.map_pages(frames, pages_at(0), writable=True)
        async with DrmScheduler(world.kernel.lockdep, "bind") as queue:
            await queue.submit(PublishedUnbind(vm.vmm, mapped)).wait()


@scenario(expect=CLEAN)
@one_caller
async def free_in_fence_path_ours(world: World) -> None:
    """Does ours free to no buddy in the fence path, not even when it fails?

    Hazard (k). What unmap gives back waits on the deferred list, and the cleanup stage frees it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        Vm(gpu, "vm", pages=64) as vm,
        binding(vm, frames, owner="vm") as (_, bound),
    ):
        await bound.wait()
