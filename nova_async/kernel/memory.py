"""The host's allocator.

What matters of an allocation here is not where the bytes are but what it may do on the way: sleep, enter reclaim, wait
for fences there, or fail. Every call tells the validator, also when memory is plentiful (``might_alloc``, lockdep.md
2.1).
"""

from nova_async.errors import ENOMEM
from nova_async.events import EventKind, trace
from nova_async.kernel.faults import FaultPlan
from nova_async.kernel.reclaim import Reclaim
from nova_async.lockdep import Gfp, Validator
from nova_async.lockdep.gfp import mask_name
from nova_async.operation import Kind, Operation
from nova_async.point import point


class HostMemory:
    """Host memory: allocations that may reclaim, and may fail."""

    def __init__(self, lockdep: Validator, reclaim: Reclaim, faults: FaultPlan) -> None:
        self.reclaim = reclaim
        self.allocations = 0
        self._lockdep = lockdep
        self._faults = faults
        self._blocking = Operation(Kind.ALLOC, "host memory")
        self._atomic = Operation(Kind.ALLOC, "host memory", may_sleep=False)

    async def alloc(self, gfp: Gfp, what: str) -> None:
        """Allocate one object.

        Args:
            gfp: the mask; it says whether this may sleep and reclaim.
            what: the object, for reports.

        Raises:
            ENOMEM: there is none left for this mask.
        """
        self._lockdep.might_alloc(gfp, what)
        trace(EventKind.ALLOC, what, gfp=mask_name(int(gfp)))
        await point(self._blocking if Gfp.DIRECT_RECLAIM in gfp else self._atomic)
        if self._faults.strikes("alloc"):
            raise ENOMEM(f"{what}: no host memory ({gfp!r})", hint="the caller must undo what it did so far")
        if Gfp.DIRECT_RECLAIM in gfp and not self.reclaim.running and self._faults.strikes("reclaim"):
            await self.reclaim.shrink()
        self.allocations += 1
