"""Both halves of a dual entry."""

from nova_async.address import MIB
from nova_async.clients.forcing import Firmware, buffer, engine_reads, firmware_maps, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.scenario import World, scenario


@scenario(expect="NOVA303")
async def big_half_erased(world: World) -> None:
    """May whoever installs a table of small pages write both halves of the entry?

    Hazard B2, the published ver2 and walk, PROVEN+. Firmware has mapped a page of 64 KiB through the big half. A small
    page 1 MiB further on needs the small half of the same entry; writing it writes the big half too, as zero. The
    engine that uses firmware's page lives on what the TLB remembers until the flush, and faults from then on.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.BIG_PAGE)
    async with buffer(gpu, 1) as frames, PublishedVm(gpu, pdb=root) as vm:
        with engine_reads(gpu, root, 0):
            mapped = await vm.vmm.map_pages(frames, pages_at(MIB), writable=True)
        await vm.vmm.unmap_pages(mapped)
        await vm.clear_root()
