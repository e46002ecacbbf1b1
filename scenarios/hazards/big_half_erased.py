"""Both halves of a dual entry."""

from nova_async.address import GIB, MIB
from nova_async.clients.caller import mapping, on_root, one_caller
from nova_async.clients.forcing import (
    LEAF_TABLE,
    Firmware,
    buffer,
    engine_reads,
    fails_with,
    firmware_maps,
    pages_at,
    touch,
)
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EEXIST
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA303", "NOVA312"))
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


@scenario(expect=CLEAN)
@one_caller
async def big_half_erased_ours(world: World) -> None:
    """Does ours leave an entry alone whose other half is in use?

    Hazard B2, the same entry. The small half is empty, but it is not ours to fill: EEXIST. The next 2 MiB are free.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.BIG_PAGE)
    async with buffer(gpu, 1) as frames, on_root(gpu, root, GIB) as vmm:
        with engine_reads(gpu, root, 0), fails_with(EEXIST):
            await vmm.map_pages(frames, pages_at(MIB), writable=True)
        async with mapping(vmm, frames, pages_at(LEAF_TABLE)):
            assert touch(gpu, root, 0) == 0


@scenario(expect=CLEAN)
@one_caller
async def huge_page_hidden_ours(world: World) -> None:
    """And an entry that is itself a page of 2 MiB?

    Hazard B2, the same half: writing it would map nothing, as the huge page in the other half decides.
    """
    gpu = await world.boot("GA102", vram="128MiB")
    root = firmware_maps(gpu, Firmware.HUGE_PAGE)
    async with buffer(gpu, 1) as frames, on_root(gpu, root, GIB) as vmm:
        with engine_reads(gpu, root, 0), fails_with(EEXIST):
            await vmm.map_pages(frames, pages_at(MIB), writable=True)
        async with mapping(vmm, frames, pages_at(LEAF_TABLE)):
            assert touch(gpu, root, 0) == 0
