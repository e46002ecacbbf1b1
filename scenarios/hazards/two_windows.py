"""Two window objects over one register."""

from contextlib import AsyncExitStack

from nova_async.address import KIB, MIB
from nova_async.clients.caller import Caller
from nova_async.clients.forcing import Gate
from nova_async.mm import Gpu
from nova_async.mm.pramin import Pramin
from nova_async.mm.v6 import Devres, Window
from nova_async.scenario import CLEAN, World, scenario

HERE, THERE = 64 * KIB, 16 * MIB - 64 * KIB
"""Both in memory that firmware keeps, at either end of a board of 16 MiB: nobody's page is overwritten."""


@scenario(expect=("NOVA304", "NOVA306"))
async def two_windows(world: World) -> None:
    """May every user of the window have an object of its own that remembers where the window is?

    Hazard (b), seed 001, PROVEN between objects. The first writes at one place, the second at another; the first then
    reads beside its own place without moving the window, for it believes that it is still there, and gets the other's
    memory. That takes no second CPU. Nobody holds a lock over the register either (NOVA306).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    bar = Devres(gpu.board.bar0, observers=gpu.mm.observers)
    async with Window(bar) as first, Window(bar) as second:
        await first.try_write64(HERE, 1)
        await second.try_write64(THERE, 2)
        await first.try_read64(HERE + 8)


@scenario(expect=("NOVA304", "NOVA306"))
async def window_dropped_under_another(world: World) -> None:
    """May a window that is dropped put back the base it found?

    Hazard (b) 3, seed 001, PROVEN between objects. The second window is in use when the first one is dropped and moves
    the register to where it was before either: the next access of the second lands there.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    bar = Devres(gpu.board.bar0, observers=gpu.mm.observers)
    async with AsyncExitStack() as last, AsyncExitStack() as first:
        one = await first.enter_async_context(Window(bar))
        other = await last.enter_async_context(Window(bar))
        await one.try_write64(HERE, 1)
        await other.try_write64(THERE, 2)
        await first.aclose()
        await other.try_read64(THERE + 8)


@scenario(expect="NOVA304")
async def two_pramins(world: World) -> None:
    """Does one lock in each Pramin help if there are two of them?

    Hazard (b), last sentence, seed 002, PROVEN. The base is cached beside the lock and read from the register only when
    the object is made, so a second object on one BAR0, or any other writer, makes it stale. There must be one.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    first = gpu.mm.pramin
    second = Pramin(world.kernel, first.bar0, first.register, first.vram_region, gpu.mm.observers)
    async with first.window() as window:
        window.try_write64(HERE, 1)
    async with second.window() as window:
        window.try_write64(THERE, 2)
    async with first.window() as window:
        window.try_read64(HERE + 8)


@scenario(expect=CLEAN)
async def two_windows_ours(world: World) -> None:
    """Does one lock over register, cached base and aperture keep two users apart?

    Hazard (b), the same three accesses: the second user asks for the window while the first one is at its place, and
    gets it only when the first is done. Whoever has the window moves it wherever the other has left it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    asked = Gate("second has asked")

    async def first() -> None:
        async with gpu.mm.pramin.window() as window:
            window.try_write64(HERE, 1)
            await asked.wait()
        assert await _read(gpu, HERE) == 1

    async def second() -> None:
        await asked.open()
        async with gpu.mm.pramin.window() as window:
            window.try_write64(THERE, 2)
        assert await _read(gpu, THERE) == 2

    async with world.clients() as clients:
        clients.start(Caller("first", first))
        clients.start(Caller("second", second))


async def _read(gpu: Gpu, address: int) -> int:
    async with gpu.mm.pramin.window() as window:
        return window.try_read64(address)
