"""DMA fences: a promise to others that some work will end, made where they can see it.

From the moment a fence is visible until it is signalled, everything that its signalling needs is the critical path
(lockdep.md 3.1): no reclaimable allocation, no lock that is anywhere held across one, no wait for another fence.
"""

import anyio

from nova_async.errors import EINVAL, Errno
from nova_async.events import EventKind, trace
from nova_async.kernel.flag import Flag
from nova_async.lockdep import Validator
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import observe_guarded, point, share, touch


class DmaFence:
    """One promise, kept once.

    Args:
        lockdep: who is told of waits and signals.
        name: ``context:seqno`` or the like, for reports.
    """

    def __init__(self, lockdep: Validator, name: str) -> None:
        self.name = name
        self._error: Errno | None = None
        self._kept = Flag()
        self._public = False
        self._lockdep = lockdep
        self._sleepers = Sleepers(in_turn=False)
        self._wait = Operation(Kind.WAIT, name, self._kept.is_up, self._sleepers)
        self._signal = Operation(Kind.SIGNAL, name)

    def __repr__(self) -> str:
        return f"<DmaFence {self.name} {'signalled' if self._kept.up else 'pending'}>"

    @property
    def signalled(self) -> bool:
        """Whether the promise was kept, well or with an error."""
        touch(self.name)
        observe_guarded(self._kept.up)
        return self._kept.up

    @property
    def error(self) -> Errno | None:
        """What went wrong; None while it is pending, and if nothing did."""
        touch(self.name)
        observe_guarded(type(self._error).__name__)
        return self._error

    def publish(self) -> None:
        """Others can see it from here on, so it must be signalled, whatever happens (NOVA402).

        A fence between hardware and its driver need not be: after a reset nobody waits for it any more.
        """
        if not self._public and not self._kept.up:
            self._public = True
            self._lockdep.fence_public(self, self.name)

    def take_on(self) -> None:
        """The calling task is the one that signals it: should that one end before, nobody will."""
        self.publish()
        self._lockdep.fence_taken_on(self)

    async def wait(self) -> None:
        """Sleep until the fence is signalled; look at :attr:`error` then."""
        self._lockdep.might_wait(self.name)
        trace(EventKind.FENCE_WAIT, self.name)
        outcome = "interrupted"
        try:
            await point(self._wait)
            outcome = "signalled"
        finally:
            trace(EventKind.FENCE_WAITED, self.name, outcome=outcome)

    async def signal(self, error: Errno | None = None) -> None:
        """Keep the promise. A cancellation does not stop it: nobody else can.

        Raises:
            EINVAL: it was signalled before.
        """
        with anyio.CancelScope(shield=True):
            await point(self._signal)
        if self._kept.up:
            raise EINVAL(f"fence {self.name}: signalled twice")
        self._error = error
        self._kept.up = True
        if self._public:
            self._lockdep.fence_signalled(self)
        share(self.name, (True, type(error).__name__))
        trace(EventKind.FENCE_SIGNAL, self.name, error=str(error or ""))
        self._sleepers.wake_all()
