"""A drop that cannot say that it failed."""

from contextlib import suppress

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at, silent_tlb, touch
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import ETIMEDOUT
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA303", "NOVA309"))
async def silent_drop(world: World) -> None:
    """May the access object unmap when it is dropped?

    Hazard B9, seed 000, PROVEN. The drop accesses registers and polls for up to 2 s, and a drop cannot fail: that the
    TLB did not answer is known to nobody. So the owner frees the memory, to which the TLB still leads.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with PublishedVm(gpu) as vm, buffer(gpu, 1) as frames:
        mapped = await vm.vmm.map_pages(frames, pages_at(0), writable=True)
        touch(gpu, vm.vmm.pdb_addr, 0)
        with silent_tlb(gpu), suppress(ETIMEDOUT):
            await vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
@one_caller
async def silent_drop_ours(world: World) -> None:
    """Does an unmap of ours that fails say so, before the memory is freed?

    Hazard B9, the same TLB. There is no drop; the owner learns that the range is still mapped and tries again.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        address_space(gpu, "vm", pages=64) as vmm,
        buffer(gpu, 1) as frames,
        mapping(vmm, frames, pages_at(0)) as mapped,
    ):
        touch(gpu, vmm.pdb_addr, 0)
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vmm.unmap_pages(mapped)
        await vmm.unmap_pages(mapped)
