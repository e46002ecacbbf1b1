"""DMA fences: a promise to others that some work will end, made where they can see it.

From the moment a fence is visible until it is signalled, everything that its signalling needs is the critical path
(lockdep.md 3.1): no reclaimable allocation, no lock that is anywhere held across one, no wait for another fence.
"""

import anyio

from nova_async.errors import EINVAL, Errno
from nova_async.lockdep import Validator
from nova_async.point import Kind, Operation, Sleepers, point


class DmaFence:
    """One promise, kept once.

    Args:
        lockdep: who is told of waits and signals.
        name: ``context:seqno`` or the like, for reports.
    """

    def __init__(self, lockdep: Validator, name: str) -> None:
        self.name = name
        self.error: Errno | None = None
        self._signalled = False
        self._lockdep = lockdep
        self._sleepers = Sleepers(in_turn=False)
        self._wait = Operation(Kind.WAIT, name, self._is_signalled, self._sleepers)
        self._signal = Operation(Kind.SIGNAL, name)

    def __repr__(self) -> str:
        return f"<DmaFence {self.name} {'signalled' if self._signalled else 'pending'}>"

    @property
    def signalled(self) -> bool:
        """Whether the promise was kept, well or with an error."""
        return self._signalled

    async def wait(self) -> None:
        """Sleep until the fence is signalled; look at :attr:`error` then."""
        self._lockdep.might_wait(self.name)
        await point(self._wait)

    async def signal(self, error: Errno | None = None) -> None:
        """Keep the promise. A cancellation does not stop it: nobody else can.

        Raises:
            EINVAL: it was signalled before.
        """
        with anyio.CancelScope(shield=True):
            await point(self._signal)
        if self._signalled:
            raise EINVAL(f"fence {self.name}: signalled twice")
        self.error = error
        self._signalled = True
        self._sleepers.wake_all()

    def _is_signalled(self) -> bool:
        return self._signalled
