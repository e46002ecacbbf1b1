"""Unmap that fails."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import ACROSS, buffer, fails_with, silent_at, silent_tlb, touch
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EIO, ETIMEDOUT
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA302", "NOVA309", "NOVA310"))
async def failed_unmap(world: World) -> None:
    """Whose are the addresses of a range that could not be unmapped?

    Hazard (g), seed 004, failure path PROVEN. The bus dies when two of four entries are cleared. Unmap owns the range,
    so returning the error frees its addresses, with two live entries in them.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 4) as frames, PublishedVm(gpu) as vm:
        mapped = await vm.vmm.map_pages(frames, ACROSS, writable=True)
        with silent_at(gpu, vm.vmm.pdb_addr, leaves=2), fails_with(EIO):
            await vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
@one_caller
async def failed_unmap_ours(world: World) -> None:
    """Can an unmap of ours that failed be tried again?

    Hazard (g), the same dead bus. The range keeps its addresses and its tables until an unmap succeeds.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 4) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        mapping(vmm, frames, ACROSS) as mapped,
    ):
        with silent_at(gpu, vmm.pdb_addr, leaves=2), fails_with(EIO):
            await vmm.unmap_pages(mapped)
        await vmm.unmap_pages(mapped)


@scenario(expect=("NOVA303", "NOVA309", "NOVA310"))
async def failed_unmap_flush(world: World) -> None:
    """Whose are the addresses if the entries are cleared, and only the TLB did not answer?

    Hazard (g), seed 004, failure path PROVEN. The GPU has used the range, so the TLB knows it; the flush times out, and
    the addresses are free while the TLB still leads to the buffer.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 4) as frames, PublishedVm(gpu) as vm:
        mapped = await vm.vmm.map_pages(frames, ACROSS, writable=True)
        touch(gpu, vm.vmm.pdb_addr, ACROSS.start)
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
@one_caller
async def failed_unmap_flush_ours(world: World) -> None:
    """Does ours give addresses back only when the TLB has forgotten them?

    Hazard (g), the same silent TLB.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 4) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        mapping(vmm, frames, ACROSS) as mapped,
    ):
        touch(gpu, vmm.pdb_addr, ACROSS.start)
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vmm.unmap_pages(mapped)
        await vmm.unmap_pages(mapped)
