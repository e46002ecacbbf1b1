"""A mapped range that is dropped."""

from nova_async.address import PAGE_SIZE
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import mapping, one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EBUSY, ENOSPC
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA302", "NOVA312"))
async def dropped_range(world: World) -> None:
    """May a mapped range be dropped without an unmap, if that is warned of?

    Hazard (h), seed 004, PROVEN. The drop frees the addresses and leaves the entries. A shorter range at the same place
    overwrites the first of them; when it is unmapped, three are left that belong to nobody. The warning comes once in
    the life of the driver.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 5) as frames, PublishedVm(gpu) as vm:
        await (await vm.vmm.map_pages(frames[:4], pages_at(0, 4), writable=True)).drop()
        shorter = await vm.vmm.map_pages(frames[4:], pages_at(0), writable=True)
        await vm.vmm.unmap_pages(shorter)


@scenario(expect=CLEAN)
@one_caller
async def dropped_range_ours(world: World) -> None:
    """Does a range of ours keep its addresses whatever becomes of the caller's handle?

    Hazard (h). Nothing but an unmap gives them back: nobody else can map there, and the Vmm does not close before.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 5) as frames,
        address_space(gpu, "vm", pages=4) as vmm,
        mapping(vmm, frames[:4], pages_at(0, 4)),
    ):
        with fails_with(ENOSPC):
            await vmm.map_pages(frames[4:], pages_at(PAGE_SIZE), writable=True)
        with fails_with(EBUSY):
            await vmm.close()
