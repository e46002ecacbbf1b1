"""A prepare that nobody executes."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, one_caller, preparing
from nova_async.clients.forcing import UPPER_TABLE, buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import ENOMEM
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA101", "NOVA203", "NOVA301", "NOVA307", "NOVA309"))
async def dropped_prepare(world: World) -> None:
    """May a prepared mapping just be dropped?

    Hazard (f), seed 004, PROVEN. There is no abort; the drop frees the addresses and leaves the table pages pending.
    The next execute, of a mapping 512 MiB away, installs them from its own reserve and runs out: as in hazard (a).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        await (await vm.vmm.prepare_map(1, pages_at(0))).drop()
        live = await vm.vmm.prepare_map(1, pages_at(UPPER_TABLE))
        with fails_with(ENOMEM):
            await vm.vmm.execute_map(live, frames, writable=True)


@scenario(expect=CLEAN)
@one_caller
async def dropped_prepare_ours(world: World) -> None:
    """Does an abort of ours take back what nobody else needs, and only that?

    Hazard (f), the same two mappings. The pages that both need stay for the second; the others are given back.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        preparing(vmm, 1, pages_at(0)) as given_up,
        preparing(vmm, 1, pages_at(UPPER_TABLE)) as live,
    ):
        await vmm.abort(given_up)
        async with executing(live, frames):
            pass
