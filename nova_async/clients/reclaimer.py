"""The background reclaimer: kswapd, which runs shrinkers as long as there is something to shrink."""

from dataclasses import dataclass, field

from anyio.lowlevel import checkpoint

from nova_async.kernel import Kernel
from nova_async.operation import Kind, Operation
from nova_async.point import forgetting, point


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
    _turn: Operation = field(default_factory=lambda: Operation(Kind.READ, "kswapd"))

    @property
    def name(self) -> str:
        """As the kernel calls it."""
        return "kswapd"

    async def run(self) -> None:
        """One pass after the other, with room for the others between them."""
        while True:
            with forgetting():  # one pass is like the other
                await point(self._turn)
                self.freed += await self.kernel.reclaim.shrink()
            self.passes += 1
            await checkpoint()
