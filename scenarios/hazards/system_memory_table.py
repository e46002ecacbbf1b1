"""A directory entry that leads to system memory."""

from nova_async.address import GIB, MIB
from nova_async.clients.caller import mapping, on_root, one_caller
from nova_async.clients.forcing import LEAF_TABLE, Firmware, buffer, fails_with, firmware_maps, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.clients.vm import Vm
from nova_async.errors import EEXIST
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA302", "NOVA306", "NOVA312"))
async def system_memory_table(world: World) -> None:
    """Is any directory entry valid whose aperture is not zero?

    Hazard B13, the walker of series v6 to v10, PROVEN+. Firmware's table lies in system memory. The walker takes
    it for valid and reads its address from the narrower video memory field: that is some page of VRAM, here a leaf
    table of another guest, into which the mapping is written.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, buffer(gpu, 1, owner="guest") as theirs, Vm(gpu, "guest", pages=64) as guest:
        mapped = await guest.vmm.map_pages(theirs, pages_at(0), writable=True)
        victim = mapped.path.leaves[0].table
        root = firmware_maps(gpu, Firmware.SYSTEM_MEMORY, system_table=256 * GIB + victim)
        async with PublishedVm(gpu, pdb=root) as vm:
            await vm.vmm.unmap_pages(await vm.vmm.map_pages(frames, pages_at(4096), writable=True))
        await guest.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
@one_caller
async def system_memory_table_ours(world: World) -> None:
    """Does ours neither follow nor overwrite an entry that leads elsewhere?

    Hazard B13, the same entry: EEXIST for the 2 MiB that it covers, and it is there afterwards.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = firmware_maps(gpu, Firmware.SYSTEM_MEMORY, system_table=256 * GIB)
    before = list(gpu.board.mmu.tables(root))
    async with buffer(gpu, 1) as frames, on_root(gpu, root, GIB) as vmm:
        with fails_with(EEXIST):
            await vmm.map_pages(frames, pages_at(MIB), writable=True)
        async with mapping(vmm, frames, pages_at(LEAF_TABLE)):
            pass
    assert list(gpu.board.mmu.tables(root)) == before
