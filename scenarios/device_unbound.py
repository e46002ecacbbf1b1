"""A device that goes away while everybody is at work on it."""

from collections.abc import Callable

from nova_async.clients import Bar1User, Client, DrmSubmitter, PageMapper, Seat, Tally, VgpuCreator, Vm
from nova_async.clients.address_space import address_space
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def device_unbound(world: World, clients: int = 24, rate: float = 0.0005, vram: str = "64MiB") -> None:
    """What if the device is unbound while everybody is at work on it?

    At each place where an unbind could come in between (an allocation, an execute, the taking of the window, a flush,
    an access to BAR1) it comes with the probability ``rate``. Whoever wants something new gets ENODEV and nothing else;
    what is under way is taken back without a device; every address space and every page is given back.
    """
    gpu = await world.boot("GA102", vram=vram)
    tally = Tally()
    async with Vm(gpu, "vm", pages=64 * clients) as vm, address_space(gpu, "shared", 64 * clients) as vmm:
        kinds: tuple[Callable[[int], Client], ...] = (
            lambda number: VgpuCreator(gpu, number, tally=tally),
            lambda number: DrmSubmitter(vm, number, tally=tally),
            lambda number: Bar1User(gpu, number, tally=tally),
            lambda number: PageMapper(gpu, vmm, number, tally=tally),
        )

        def seat(number: int) -> Seat:
            kind = kinds[number % len(kinds)]
            return Seat(f"seat#{number}", lambda: kind(number) if gpu.mm.binding.bound else None, tally)

        world.inject(unbind=rate)
        async with world.clients() as crew:
            for number in range(clients):
                crew.start(seat(number))
    world.stats.update(tally.stats())
    assert set(tally.failures) <= {"ENODEV"}, tally.failures
