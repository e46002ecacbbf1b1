"""BAR1 borrowed for as long as something is mapped."""

from dataclasses import dataclass

from nova_async.clients.forcing import buffer
from nova_async.kernel import DmaFence, Mutex
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class Guest:
    """A vGPU creator that keeps its BAR1 mapping until the other guest is up as well.

    Attributes:
        borrow: what ``&mut BarUser`` for the life of the access object comes to, if there is such a borrow.
    """

    gpu: Gpu
    name: str
    up: DmaFence
    other: DmaFence
    borrow: Mutex[None] | None = None

    async def run(self) -> None:
        """Map, say so, and wait for the other."""
        if self.borrow is None:
            await self._be_up()
            return
        async with self.borrow.lock():
            await self._be_up()

    async def _be_up(self) -> None:
        bar_user = self.gpu.bar_user
        async with (
            buffer(self.gpu, 1, owner=self.name) as frames,
            await bar_user.map(frames, writable=True, owner=self.name),
        ):
            await self.up.signal()
            await self.other.wait()


async def two_guests(world: World, borrow: Mutex[None] | None) -> None:
    """Bring both up."""
    gpu = await world.boot("GA102", vram="16MiB")
    one, other = world.kernel.fence("vgpu#0 up"), world.kernel.fence("vgpu#1 up")
    async with world.clients() as clients:
        clients.start(Guest(gpu, "vgpu#0", one, other, borrow))
        clients.start(Guest(gpu, "vgpu#1", other, one, borrow))


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
