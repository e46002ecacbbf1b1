"""A page dropped under the window lock."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import one_caller, preparing
from nova_async.clients.forcing import buffer, fails_with, pages_at, silent_bus
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EIO
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA101", "NOVA203", "NOVA309"))
async def buddy_under_window_lock(world: World) -> None:
    """May execute drop a page while it has the window?

    Hazard B1, seed 004, PROVEN+. The page that could not be installed goes to the buddy while the window's guard lives.
    So the buddy's lock, under which block nodes are allocated, comes after the lock that the fence path needs: the
    opposite of the order written beside that lock.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        prepared = await vm.vmm.prepare_map(1, pages_at(0))
        with silent_bus(gpu), fails_with(EIO):
            await vm.vmm.execute_map(prepared, frames, writable=True)


@scenario(expect=CLEAN)
@one_caller
async def buddy_under_window_lock_ours(world: World) -> None:
    """Does a page of ours that could not be installed stay where it is?

    Hazard B1, the same silent bus. It is prepared for its slot before and after; an abort puts it on the deferred list.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        address_space(gpu, "vm", pages=64) as vmm,
        preparing(vmm, 1, pages_at(0)) as prepared,
    ):
        with silent_bus(gpu), fails_with(EIO):
            await vmm.execute_map(prepared, frames, writable=True)
        await vmm.abort(prepared)
