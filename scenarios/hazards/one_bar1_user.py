"""BAR1 borrowed for as long as something is mapped."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.clients.caller import bar1_mapping
from nova_async.clients.forcing import buffer, nothing_fails
from nova_async.errors import ECANCELED
from nova_async.kernel import DmaFence, Mutex
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class Guest:
    """A vGPU creator that keeps its BAR1 mapping until the other guest is up as well, or has given up.

    Attributes:
        borrow: what ``&mut BarUser`` for the life of the access object comes to, if there is such a borrow.
    """

    gpu: Gpu
    name: str
    frames: Sequence[Pfn]
    up: DmaFence
    other: DmaFence
    borrow: Mutex[None] | None = None

    async def run(self) -> None:
        """Map, say so, and wait for the other."""
        try:
            async with AsyncExitStack() as undo:
                if self.borrow is not None:
                    await undo.enter_async_context(self.borrow.lock())
                await self._be_up()
        finally:
            if not self.up.signalled:
                await self.up.signal(ECANCELED(f"{self.name} never came up"))

    async def _be_up(self) -> None:
        async with bar1_mapping(self.gpu, self.frames, owner=self.name):
            await self.up.signal()
            await self.other.wait()


async def two_guests(world: World, borrow: Mutex[None] | None) -> None:
    """Bring both up."""
    gpu = await world.boot("GA102", vram="16MiB")
    names = ("vgpu#0", "vgpu#1")
    up = [world.kernel.fence(f"{name} up") for name in names]
    async with AsyncExitStack() as undo:
        with nothing_fails(gpu):
            heaps = [await undo.enter_async_context(buffer(gpu, 1, owner=name)) for name in names]
        async with world.clients() as clients:
            for number, name in enumerate(names):
                clients.start(Guest(gpu, name, heaps[number], up[number], up[1 - number], borrow))


@scenario(expect="NOVA401")
async def one_bar1_user(world: World) -> None:
    """May a BAR1 mapping borrow BarUser for as long as it lives?

    Hazard B8, seed 000, PROVEN. The second creator cannot map before the first has unmapped; if the two have to be up
    together, nobody goes on.
    """
    await two_guests(world, world.kernel.private_mutex("bar_user", None))


@scenario(expect=CLEAN)
async def one_bar1_user_ours(world: World) -> None:
    """Can many hold BAR1 mappings of ours at once?

    Hazard B8, the same two creators. A mapping holds its addresses and no lock.
    """
    await two_guests(world, None)
