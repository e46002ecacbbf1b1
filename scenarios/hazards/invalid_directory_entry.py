"""How an invalid directory entry is written."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import buffer, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.mm.pagetable.ver2 import VER2
from nova_async.scenario import CLEAN, World, scenario

INVALID_PDE = 1
"""What the published header makes of an invalid V2 directory entry: bit 0, which it calls invalid, is set."""


@scenario(expect="NOVA302")
async def invalid_directory_entry(world: World) -> None:
    """May a table be taken out with the invalid entry of the published header?

    Hazard B14, the published header, PROVEN+. Bit 0 of a V2 directory entry says that it is a leaf. In the last
    directory, which can have leaves of 2 MiB, that invalid entry maps 2 MiB of video memory from 0 on. The published
    map paths never write it; whoever adds the reclaim of empty tables (B16) does.
    """
    gpu = await world.boot("GA102", vram="128MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        await vm.vmm.unmap_pages(await vm.vmm.map_pages(frames, pages_at(0), writable=True))
        dual = [table for table in gpu.board.mmu.tables(vm.vmm.pdb_addr) if table.level == VER2.pde_level_count - 1]
        async with gpu.mm.pramin.window() as window:
            window.try_write64(dual[0].address, INVALID_PDE)


@scenario(expect=CLEAN)
@one_caller
async def invalid_directory_entry_ours(world: World) -> None:
    """Does ours take a table out by putting back what was there?

    Hazard B14. Closing the Vmm clears the slots in tables that are not its own, with the words it found in them.
    """
    gpu = await world.boot("GA102", vram="128MiB")
    async with (
        buffer(gpu, 1) as frames,
        address_space(gpu, "vm", pages=64) as vmm,
        mapping(vmm, frames, pages_at(0)),
    ):
        pass
