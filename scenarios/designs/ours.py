"""The locks of this driver."""

from nova_async.clients import PageMapper
from nova_async.clients.address_space import address_space
from nova_async.mm import designs
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def ours(world: World, clients: int = 4, rounds: int = 3) -> None:
    """Do a lock for the tables of a Vmm, one for the window and one for the TLB serve everybody?

    None of them is held across an allocation, and the first two not across a flush.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    make = designs.ours(gpu)
    async with (
        address_space(gpu, "first", 256, make) as first,
        address_space(gpu, "second", 256, make) as second,
        world.clients() as crew,
    ):
        for number in range(clients):
            crew.start(PageMapper(gpu, (first, second)[number % 2], number, rounds=rounds))
