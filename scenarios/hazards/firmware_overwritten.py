"""A page directory that has entries already."""

from nova_async.clients.forcing import Firmware, buffer, firmware_maps, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.scenario import World, scenario


@scenario(expect="NOVA302")
async def firmware_overwritten(world: World) -> None:
    """May an allocator of addresses start out empty on a page directory that does not?

    Hazards B3 and B4, seed 004, PROVEN. The root is firmware's and has a page mapped at 0. The Vmm hands 0 out, and
    execute, which takes a valid leaf for as good as an invalid one, overwrites the entry. Nothing is said.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.PAGE)
    async with buffer(gpu, 1) as frames, PublishedVm(gpu, pdb=root) as vm:
        await vm.vmm.unmap_pages(await vm.vmm.map_pages(frames, pages_at(0), writable=True))
