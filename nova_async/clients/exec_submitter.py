"""A process that runs jobs on an engine, each on several buffers at once (the EXEC ioctl)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nova_async.clients.engine import EngineJob, Touch
from nova_async.clients.evictor import Evictor
from nova_async.clients.gem import GemObject
from nova_async.kernel import DmaFence, DrmExec, Kernel, RingContext, RingScheduler, Usage


@dataclass(slots=True)
class ExecSubmitter:
    """Runs jobs one after the other, each on some of its buffers.

    Attributes:
        kernel: makes the transactions.
        ring: where jobs go.
        evictor: makes buffers resident.
        buffers: what jobs write to, perhaps shared with others who name them in another order.
        number: which of its kind.
        jobs: how many.
        per_job: how many buffers each job takes, going round; all of them if 0.
        hangs: the numbers of the jobs that never end.
        back_offs: how often it had to give way when it locked its buffers.
    """

    kernel: Kernel
    ring: RingScheduler
    evictor: Evictor
    buffers: Sequence[GemObject]
    number: int = 0
    jobs: int = 1
    per_job: int = 0
    hangs: frozenset[int] = frozenset()
    back_offs: int = 0
    context: RingContext = field(init=False)

    def __post_init__(self) -> None:
        self.context = RingContext(self.name)

    @property
    def name(self) -> str:
        """``exec#3``."""
        return f"exec#{self.number}"

    async def run(self) -> None:
        """Submit and wait, job by job.

        Raises:
            EFAULT: a job met memory that is not what it was told.
            ETIMEDOUT: a job hung.
            ECANCELED: an earlier one did.
        """
        for job in range(self.jobs):
            fence = await self.submit(job)
            await fence.wait()
            if fence.error is not None:
                raise fence.error

    async def submit(self, number: int) -> DmaFence:
        """Lock the job's buffers, make them resident, and queue a job whose fence is on each of them.

        Raises:
            ECANCELED: the context is banned.
            ENOSPC, ENOMEM, EIO, ETIMEDOUT: a buffer could not be made resident.
        """
        name = f"{self.name} job {number}"
        buffers = self._buffers_of(number)
        transaction = DrmExec(self.kernel.reservations, name, [gem.resv for gem in buffers])
        async with transaction as locked:
            self.back_offs += locked.back_offs
            touches: list[Touch] = []
            after: dict[DmaFence, None] = {}
            for gem in buffers:
                place = locked[gem.resv].data
                await self.evictor.populate(gem, place)
                touches += gem.touches(place)
                after |= dict.fromkeys(await gem.resv.fences(Usage.READ))
            await locked.reserve_fences()
            # From here on nothing may fail: the fence is public, and all who look at the buffers rely on it.
            fence = self.ring.submit(EngineJob(name, touches, hangs=number in self.hangs), self.context, tuple(after))
            for guard in locked:
                await guard.add_fence(fence, Usage.WRITE)
        return fence

    def _buffers_of(self, job: int) -> list[GemObject]:
        count = self.per_job or len(self.buffers)
        return [self.buffers[(job * count + place) % len(self.buffers)] for place in range(count)]
