"""One lock around everything."""

from nova_async.clients import PageMapper
from nova_async.clients.address_space import address_space
from nova_async.mm import designs
from nova_async.scenario import World, scenario


@scenario(expect="NOVA203")
async def one_global_lock(world: World, clients: int = 4, rounds: int = 3) -> None:
    """May one lock around the whole memory manager serve everybody?

    The simplest thing that could work: whoever prepares, executes or unmaps has it to himself. So it is held across the
    allocations of prepare, and taken in the fence path.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    make = designs.one_global_lock(gpu)
    async with (
        address_space(gpu, "first", 256, make) as first,
        address_space(gpu, "second", 256, make) as second,
        world.clients() as crew,
    ):
        for number in range(clients):
            crew.start(PageMapper(gpu, (first, second)[number % 2], number, rounds=rounds))
