"""The call that allocates, in the fence path."""

from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.clients.forcing import buffer, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.kernel import DrmScheduler
from nova_async.mm.published import MappedRange, Vmm
from nova_async.scenario import World, scenario


@dataclass
class MapAndExecute:
    """A bind job by somebody who took the shorter of the two calls."""

    vmm: Vmm
    frame: Pfn
    mapped: MappedRange | None = None

    async def run(self) -> None:
        """Both phases at once."""
        self.mapped = await self.vmm.map_pages([self.frame], pages_at(0), writable=True)

    async def stop(self) -> None:
        """Nothing was promised."""

    async def cleanup(self) -> None:
        """Unmap, outside of the signalling section."""
        if self.mapped is not None:
            await self.vmm.unmap_pages(self.mapped)


@scenario(expect=("NOVA202", "NOVA203"))
async def map_in_run_stage(world: World) -> None:
    """Does anything keep the call that allocates out of the run stage?

    Hazard B18, seed 004. Type and lock of map_pages and execute_map are the same, here and in ours: what tells them
    apart is the validator, and it needs one run without any memory pressure to do so.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        PublishedVm(gpu) as vm,
        DrmScheduler(world.kernel.lockdep, "bind") as queue,
    ):
        await queue.submit(MapAndExecute(vm.vmm, frames[0])).wait()
