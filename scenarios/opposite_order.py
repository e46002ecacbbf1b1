"""Two locks in opposite order."""

from dataclasses import dataclass

from nova_async.kernel import Mutex
from nova_async.scenario import World, scenario


@dataclass
class Resetter:
    """Takes ``first``, then ``second``."""

    name: str
    first: Mutex[None]
    second: Mutex[None]

    async def run(self) -> None:
        """Hold both for a moment."""
        async with self.first.lock(), self.second.lock():
            pass


@scenario(expect="NOVA101")
async def opposite_order(world: World) -> None:
    """Is a lock order that two paths disagree on found even if they never meet?

    Creation takes the placement lock and then the channel lock; a reset path takes them the other way round. Here the
    second starts when the first is done, so nothing can go wrong in this run. It is one schedule away from a deadlock.
    """
    placement: Mutex[None] = world.kernel.private_mutex("placement", None)
    channels: Mutex[None] = world.kernel.private_mutex("channels", None)
    for path in (Resetter("create", placement, channels), Resetter("reset", channels, placement)):
        async with world.clients() as clients:
            clients.start(path)
