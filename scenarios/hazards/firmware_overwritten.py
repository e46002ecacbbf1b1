"""A page directory that has entries already."""

from nova_async.address import GIB, PAGE_SIZE
from nova_async.clients.caller import mapping, on_root, one_caller
from nova_async.clients.forcing import Firmware, buffer, engine_reads, fails_with, firmware_maps, pages_at, touch
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EEXIST
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA302", "NOVA312"))
async def firmware_overwritten(world: World) -> None:
    """May an allocator of addresses start out empty on a page directory that does not?

    Hazards B3 and B4, seed 004, PROVEN. The root is firmware's and has a page mapped at 0. The Vmm hands 0 out, and
    execute, which takes a valid leaf for as good as an invalid one, overwrites the entry. Nothing is said.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.PAGE)
    async with buffer(gpu, 1) as frames, PublishedVm(gpu, pdb=root) as vm:
        await vm.vmm.unmap_pages(await vm.vmm.map_pages(frames, pages_at(0), writable=True))


@scenario(expect=CLEAN)
@one_caller
async def firmware_overwritten_ours(world: World) -> None:
    """Does ours map around what it finds mapped?

    Hazard B3, the same root. Prepare looks at the entries of tables that it did not make, and withdraws the addresses.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.PAGE)
    async with buffer(gpu, 1) as frames, on_root(gpu, root, GIB) as vmm:
        with engine_reads(gpu, root, 0), fails_with(EEXIST):
            await vmm.map_pages(frames, pages_at(0), writable=True)
        async with mapping(vmm, frames, pages_at(PAGE_SIZE)):
            assert touch(gpu, root, 0) == 0
