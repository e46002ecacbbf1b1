"""One mutex for each page table."""

from nova_async.clients import PageMapper
from nova_async.clients.address_space import address_space
from nova_async.mm import designs
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def lock_per_page_table(world: World, clients: int = 4, rounds: int = 3) -> None:
    """Is it worth while to lock each page table by itself?

    It is right: tables are written one at a time, so these locks need no order among themselves. But every entry is
    written through the one window, which is what everybody waits for; ``nova-async bench designs`` says what it buys.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    make = designs.lock_per_page_table(gpu)
    async with (
        address_space(gpu, "first", 256, make) as first,
        address_space(gpu, "second", 256, make) as second,
        world.clients() as crew,
    ):
        for number in range(clients):
            crew.start(PageMapper(gpu, (first, second)[number % 2], number, rounds=rounds))


@scenario(expect="NOVA205")
async def spinlock_per_page_table(world: World) -> None:
    """Can the lock of a page table be a spinlock, as was floated on the list?

    Under it the entry is written, through the window, whose lock may sleep. One client is enough to know; a second one
    would spin for as long as the first sleeps.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    make = designs.spinlock_per_page_table(gpu)
    async with address_space(gpu, "space", 256, make) as vmm, world.clients() as crew:
        crew.start(PageMapper(gpu, vmm, 0))
