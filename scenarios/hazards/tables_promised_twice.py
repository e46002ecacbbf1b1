"""One reserve for two prepares."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, one_caller, preparing
from nova_async.clients.forcing import UPPER_TABLE, buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import ENOMEM
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA101", "NOVA203", "NOVA301", "NOVA307", "NOVA309"))
async def tables_promised_twice(world: World, chip: str = "GA102") -> None:
    """Does the room that one prepare reserves count for the next one too?

    Hazard (a), seed 004, PROVEN+. Two prepares 512 MiB apart need 6 table pages (7 on V3), and room for 5 (6) is
    reserved: the second reserve finds it there and does nothing. Execute writes each entry before it records the page;
    the last one is rejected, dropped, and free while the root points to it. It is dropped under the window lock (B1).
    """
    gpu = await world.boot(chip, vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        first = await vm.vmm.prepare_map(1, pages_at(0))
        second = await vm.vmm.prepare_map(1, pages_at(UPPER_TABLE))
        with fails_with(ENOMEM):
            await vm.vmm.execute_map(first, frames, writable=True)
        await second.drop()


@scenario(expect=CLEAN)
@one_caller
async def tables_promised_twice_ours(world: World, chip: str = "GA102") -> None:
    """Does each pending prepare of ours hold its own share of the tables it needs?

    Hazard (a), the same two prepares. Nothing is counted in advance: a prepared page is in the books, with its users,
    from the moment it is there, and execute records before it writes.
    """
    gpu = await world.boot(chip, vram="16MiB")
    async with (
        buffer(gpu, 2) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        preparing(vmm, 1, pages_at(0)) as first,
        preparing(vmm, 1, pages_at(UPPER_TABLE)) as second,
    ):
        for prepared, frame in ((first, frames[0]), (second, frames[1])):
            async with executing(prepared, [frame]):
                pass
