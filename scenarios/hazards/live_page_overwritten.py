"""Two mappings at one address."""

from nova_async.address import PAGE_SIZE, Vfn, VramAddress
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import buffer, engine_reads, fails_with, pages_at
from nova_async.errors import ENOSPC
from nova_async.hw.chipset import MmuVersion
from nova_async.mm.v6 import GpuMm
from nova_async.mm.v6 import Vmm as JanuaryVmm
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA303", "NOVA306", "NOVA310"))
async def live_page_overwritten(world: World) -> None:
    """May a leaf that is valid be overwritten with another one?

    Hazard B4, seed 003, PROVEN; seed 004 does the same (firmware_overwritten.py). Which addresses are in use is
    nobody's business in January (B12), so a second caller maps where the first one is. There is no step in between in
    which the page is invalid and flushed: the first caller's engine still reads the old page when the tables say the
    new one. January took no locks either (NOVA306).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
    async with buffer(gpu, 2) as frames, GpuMm(gpu) as mm:
        vmm = JanuaryVmm(mm, VramAddress(root.address), MmuVersion.V2, name="vm", owner="vm")
        await vmm.map_page(mm, Vfn(0), frames[0], writable=True)
        with engine_reads(gpu, root.address, 0, tlb=mm.tlb):
            await vmm.map_page(mm, Vfn(0), frames[1], writable=True)
        await vmm.unmap_page(mm, Vfn(0))
        gpu.board.vram.write(root.address, 8, 0)
        await vmm.drop(mm)
    gpu.mm.free_vram(root)


@scenario(expect=CLEAN)
@one_caller
async def live_page_overwritten_ours(world: World) -> None:
    """Does ours refuse to map where somebody else has mapped?

    Hazard B4, the same two callers. The second one gets ENOSPC, as the addresses are taken; nothing is written and the
    engine reads on.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 2) as frames,
        address_space(gpu, "vm", pages=64) as vmm,
        mapping(vmm, frames[:1], pages_at(0)),
    ):
        with engine_reads(gpu, vmm.pdb_addr, 0), fails_with(ENOSPC):
            await vmm.map_pages(frames[1:], pages_at(0), writable=True)
