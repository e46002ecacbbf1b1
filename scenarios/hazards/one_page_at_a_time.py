"""January's map_page."""

from nova_async.address import PAGE_SIZE, Vfn, VramAddress
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at, silent_tlb
from nova_async.errors import ETIMEDOUT
from nova_async.hw.chipset import MmuVersion
from nova_async.mm.v6 import GpuMm
from nova_async.mm.v6 import Vmm as JanuaryVmm
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA301", "NOVA306"))
async def one_page_at_a_time(world: World) -> None:
    """What does a map_page that failed leave behind?

    Hazard B12, seed 003 and the walk of v6, PROVEN+. The tables that it made, which is harmless; and, if only the flush
    failed, the page: the caller is told that nothing is mapped, and frees the memory.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
    async with GpuMm(gpu) as mm:
        vmm = JanuaryVmm(mm, VramAddress(root.address), MmuVersion.V2, name="vm", owner="vm")
        async with buffer(gpu, 1) as frames:
            with silent_tlb(gpu), fails_with(ETIMEDOUT):
                await vmm.map_page(mm, Vfn(0), frames[0], writable=True)
        await vmm.drop(mm)
    gpu.mm.free_vram(root)


@scenario(expect=("NOVA101", "NOVA201", "NOVA203"))
async def january_under_the_window_lock(world: World) -> None:
    """May the walk that allocates have the memory manager for itself?

    Hazard B12, seed 003, PROVEN+. What January called ``&mut GpuMm`` is a lock by now, and it has to be the one over
    the window: the walk links each table as soon as it is allocated. So GFP_KERNEL happens under the window's lock,
    and the buddy's lock, which is held across GFP_KERNEL too, comes after it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
    async with GpuMm(gpu) as mm:
        vmm = JanuaryVmm(mm, VramAddress(root.address), MmuVersion.V2, name="vm", owner="vm")
        async with gpu.mm.pramin.window():
            await vmm.alloc_page_table(mm)
        await vmm.drop(mm)
    gpu.mm.free_vram(root)


@scenario(expect=CLEAN)
@one_caller
async def one_page_at_a_time_ours(world: World) -> None:
    """Is nothing mapped when a map_pages of ours has failed?

    Hazard B12, the same silent TLB. What could not be undone yet is kept until the Vmm is closed, and the buffer until
    then.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, address_space(gpu, "vm", pages=64) as vmm:
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vmm.map_pages(frames, pages_at(0), writable=True)
