"""One lock around each Vmm."""

from nova_async.clients import PageMapper
from nova_async.clients.address_space import address_space
from nova_async.mm import designs
from nova_async.scenario import World, scenario


@scenario(expect="NOVA203")
async def lock_per_vmm(world: World, clients: int = 4, rounds: int = 3) -> None:
    """May each address space have one lock for all it does?

    What ``&mut Vmm`` asks for, and the ``Mutex<Vmm>`` of the May series. Two Vmms are in nobody's way but the window's;
    two users of one Vmm are where the global lock was: hazard (e).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    make = designs.lock_per_vmm(gpu)
    async with (
        address_space(gpu, "first", 256, make) as first,
        address_space(gpu, "second", 256, make) as second,
        world.clients() as crew,
    ):
        for number in range(clients):
            crew.start(PageMapper(gpu, (first, second)[number % 2], number, rounds=rounds))
