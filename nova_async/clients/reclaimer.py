"""The background reclaimer: kswapd, which runs shrinkers as long as there is something to shrink."""

from dataclasses import dataclass

from anyio.lowlevel import checkpoint

from nova_async.kernel import Kernel


@dataclass(slots=True)
class Reclaimer:
    """Runs reclaim over and over until it is cancelled.

    Attributes:
        kernel: whose shrinkers.
        passes: how many it has made.
        freed: how many objects they gave back.
    """

    kernel: Kernel
    passes: int = 0
    freed: int = 0

    @property
    def name(self) -> str:
        """As the kernel calls it."""
        return "kswapd"

    async def run(self) -> None:
        """One pass after the other, with room for the others between them."""
        while True:
            self.freed += await self.kernel.reclaim.shrink()
            self.passes += 1
            await checkpoint()
