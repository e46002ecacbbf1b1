"""A range of another address space."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, one_caller, preparing
from nova_async.clients.forcing import LEAF_TABLE, buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL
from nova_async.scenario import CLEAN, World, scenario

BESIDE = pages_at(LEAF_TABLE // 2)


@scenario(expect="NOVA302")
async def foreign_range(world: World) -> None:
    """What if a mapping that one Vmm prepared is executed by another?

    Hazard B5, seed 004, PROVEN. Nothing in a prepared mapping says whose it is. The other Vmm happens to have a leaf
    table there and writes into it, at addresses that it has not taken; the range itself belongs to the first.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 2, "other") as frames,
        PublishedVm(gpu, "first") as first,
        PublishedVm(gpu, "other") as other,
    ):
        here = await other.vmm.map_pages(frames[:1], pages_at(0), writable=True)
        prepared = await first.vmm.prepare_map(1, BESIDE)
        mapped = await other.vmm.execute_map(prepared, frames[1:], writable=True)
        await other.vmm.unmap_pages(mapped)
        await other.vmm.unmap_pages(here)


@scenario(expect=CLEAN)
@one_caller
async def foreign_range_ours(world: World) -> None:
    """Does each mapping of ours know its Vmm?

    Hazard B5, the same mix-up, in execute, unmap and abort: EINVAL each time, and the mapping is as good as before.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1, "first") as frames,
        address_space(gpu, "first", pages=1024) as first,
        address_space(gpu, "other", pages=1024) as other,
        preparing(first, 1, BESIDE) as prepared,
    ):
        with fails_with(EINVAL):
            await other.execute_map(prepared, frames, writable=True, owner="first")
        with fails_with(EINVAL):
            await other.abort(prepared)
        async with executing(prepared, frames) as mapped:
            with fails_with(EINVAL):
                await other.unmap_pages(mapped)
