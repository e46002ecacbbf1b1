"""A range with room to spare."""

from nova_async.address import PAGE_SIZE
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def range_larger_than_needed(world: World) -> None:
    """Is a range accepted that is larger than the mapping?

    Hazard B10, vmm.rs, PROVEN+. The first check lets it pass and the second demands equality: EINVAL for a call that
    was documented to work. Nobody is hurt, so there is nothing for a checker to find; the one who calls finds it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        with fails_with(EINVAL):
            await vm.vmm.map_pages(frames, pages_at(0, 2), writable=True)


@scenario(expect=CLEAN)
@one_caller
async def range_larger_than_needed_ours(world: World) -> None:
    """Does ours leave nothing behind when it refuses a range?

    Hazard B10. Ours refuses too large a range as well, and every other one that does not fit.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 2) as frames, address_space(gpu, "vm", pages=64) as vmm:
        for addresses in (pages_at(0, 3), pages_at(0, 1), range(PAGE_SIZE // 2, PAGE_SIZE)):
            with fails_with(EINVAL):
                await vmm.map_pages(frames, addresses, writable=True)
