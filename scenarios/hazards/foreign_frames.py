"""Frames that are not the caller's."""

from nova_async.address import Pfn
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL, EPERM
from nova_async.mm.pagetable import FORMATS
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA301", "NOVA313"))
async def foreign_frames(world: World) -> None:
    """May a client map whatever frame it names?

    Hazard B6, seeds 000 and 004, PROVEN. The frame is another vGPU's. That one is destroyed and its memory freed, as
    nothing is known to be in the way; the mapping stays, and reads what the next owner writes.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with PublishedVm(gpu) as vm:
        async with buffer(gpu, 1, owner="vgpu") as theirs:
            mapped = await vm.vmm.map_pages(theirs, pages_at(0), writable=True)
        await vm.vmm.unmap_pages(mapped)


@scenario(expect="NOVA301")
async def wide_frame(world: World) -> None:
    """May a client map a frame whose number does not fit into the entry?

    Hazard B6, mm.rs, PROVEN+. V2 keeps 25 bits: 128 GiB + x maps x, which is free here and may be anybody's.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with PublishedVm(gpu) as vm:
        async with buffer(gpu, 1) as frames:
            cut_off = frames[0]
        wide = Pfn(1 << FORMATS[vm.vmm.mmu_version].frame_bits | cut_off)
        await vm.vmm.unmap_pages(await vm.vmm.map_pages([wide], pages_at(0), writable=True))


@scenario(expect=CLEAN)
@one_caller
async def foreign_frames_ours(world: World) -> None:
    """Does ours ask whose frames they are before it maps them?

    Hazard B6, both frames: EPERM for the first. The second is nobody's, so EPERM as well; and if its owner is right, no
    entry is made of a number that does not fit.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with address_space(gpu, "vm", pages=64) as vmm, buffer(gpu, 1, owner="vgpu") as theirs:
        wide = Pfn(1 << FORMATS[vmm.mmu_version].frame_bits | theirs[0])
        for frame in (theirs[0], wide):
            with fails_with(EPERM):
                await vmm.map_pages([frame], pages_at(0), writable=True)
        with fails_with(EINVAL):
            FORMATS[vmm.mmu_version].pte(wide, writable=True)
