"""Two users, a window object each, one register: the race that made the window a lock."""

from dataclasses import dataclass

from nova_async.address import KIB, MIB
from nova_async.mm.v6 import Devres, Window
from nova_async.scenario import World, scenario

PLACES = (64 * KIB, 16 * MIB - 64 * KIB)
"""Both in memory that firmware keeps, at either end of a board of 16 MiB: nobody's page is overwritten."""


@dataclass(slots=True)
class Writer:
    """Writes one word through a window of its own."""

    bar: Devres
    number: int

    @property
    def name(self) -> str:
        """``creator#1``."""
        return f"creator#{self.number}"

    async def run(self) -> None:
        """January's way: ask the register where the window is, move it, write."""
        async with Window(self.bar) as window:
            await window.try_write64(PLACES[self.number - 1], self.number)


@scenario(expect=("NOVA304", "NOVA306"), explore="exhaustive")
async def window_race(world: World) -> None:
    """Can two creators that each have a window object write through each other's window?

    Hazard (b), seed 001. The first moves the window and is preempted; the second moves it elsewhere; the write of the
    first lands there. It takes two preemptions: a second user who is done has put the window back where he found it.
    That nobody holds a lock over the register (NOVA306) shows in every order.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    bar = Devres(gpu.board.bar0, observers=gpu.mm.observers)
    async with world.clients() as clients:
        clients.start(Writer(bar, 1))
        clients.start(Writer(bar, 2))
