"""A job queue for a hardware ring: several jobs in flight, a timeout, and the reset after it (drm_sched's other half).

Work that hardware does may never end, so a job that is not done in time is taken for hung: the ring is reset, the hung
job completes with ETIMEDOUT, and what was on the ring behind it is lost with it. Jobs of the same context complete with
ECANCELED and the context is banned; those of others are pushed again. All of this is on the way to signalling fences
that others wait for, and lies in the signalling section (lockdep.md 3.3): it allocates nothing and takes no lock.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import anyio
from anyio.abc import TaskGroup

from nova_async.errors import ECANCELED, EINVAL, ETIMEDOUT, Errno, InternalError
from nova_async.events import EventKind, trace
from nova_async.kernel.ban import Ban
from nova_async.kernel.dma_fence import DmaFence
from nova_async.kernel.work_list import WorkList
from nova_async.lockdep import Validator
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import observe_guarded, point, share

CREDITS = 4
"""How many jobs are on the ring at most."""


class RingJob(Protocol):
    """Work for the hardware, prepared in full."""

    @property
    def name(self) -> str:
        """For reports."""
        ...

    async def cleanup(self) -> None:
        """After the fence: free what the job held, however it ended. Must not fail."""
        ...


class Ring(Protocol):
    """The hardware side."""

    @property
    def hung(self) -> bool:
        """Whether it makes no progress on what it has."""
        ...

    def push(self, job: RingJob) -> DmaFence:
        """Write a job to the ring: no allocation, no wait. The fence is the hardware's own."""
        ...

    async def reset(self) -> None:
        """Forget all that was pushed, and be ready for more. Part of the signalling section."""
        ...


class RingContext:
    """Who submits; what one does wrong is not charged to another.

    Attributes:
        name: for reports.
        ban: struck when a job of his hangs.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ban = Ban(name)


@dataclass(slots=True, eq=False)
class _InFlight:
    job: RingJob
    context: RingContext
    after: Sequence[DmaFence]
    finished: DmaFence
    hardware: DmaFence | None = None

    @property
    def name(self) -> str:
        return self.finished.name

    @property
    def error(self) -> Errno | None:
        return self.hardware.error if self.hardware is not None else None


class RingScheduler:
    """One ring and the workers that serve it, for the length of an ``async with``.

    Leaving the block runs what was submitted to its end, through as many timeouts as that takes. Cancelled, it resets
    the ring, so that the hardware touches nothing any more, and completes every fence that is left with ECANCELED.

    Args:
        lockdep: who is told of signalling sections.
        name: for reports.
        ring: the hardware.
        timeout: how long the oldest job on the ring may take, in seconds, before somebody looks whether it hangs.

    Attributes:
        resets: how often the ring was reset after a timeout.
    """

    def __init__(self, lockdep: Validator, name: str, ring: Ring, *, timeout: float = 0.05) -> None:
        self.name = name
        self.resets = 0
        self._lockdep = lockdep
        self._ring = ring
        self._timeout = timeout
        self._seqno = 0
        self._stopped = False
        self._pending: WorkList[_InFlight] = WorkList(f"{name} pending")
        self._in_flight: WorkList[_InFlight] = WorkList(f"{name} in flight")
        self._ended: WorkList[_InFlight] = WorkList(f"{name} ended jobs")
        self._sleepers = Sleepers(in_turn=False)
        self._room = Operation(Kind.WAIT, f"{name} room", self._has_room, self._sleepers)
        self._workers: TaskGroup

    async def __aenter__(self) -> Self:
        self._workers = anyio.create_task_group()
        await self._workers.__aenter__()
        for name, work in (("push", self._push_all), ("complete", self._complete_all), ("cleanup", self._clean_up)):
            self._workers.start_soon(self._serve, work, name=f"{self.name} {name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._pending.close()
        return await self._workers.__aexit__(kind, error, trace)

    def submit(self, job: RingJob, context: RingContext, after: Sequence[DmaFence] = ()) -> DmaFence:
        """Queue a job; from here on its fence is public.

        Args:
            job: prepared in full.
            context: whose it is.
            after: in-fences that must be signalled before it is pushed.

        Raises:
            ECANCELED: the context is banned.
            EINVAL: the scheduler is closing.
        """
        if context.ban.why is not None:
            raise ECANCELED(f"{self.name}: {job.name} of {context.name}, which is banned")
        if self._pending.closed:
            raise EINVAL(f"scheduler {self.name}: {job.name} submitted after it was closed")
        self._seqno += 1
        share(f"{self.name} jobs so far", self._seqno)
        observe_guarded(self._seqno)
        finished = DmaFence(self._lockdep, f"{self.name}:{self._seqno}")
        finished.publish()
        trace(EventKind.JOB_SUBMIT, finished.name, queue=self.name)
        self._pending.put(_InFlight(job, context, tuple(after), finished))
        return finished

    async def _serve(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            self._lockdep.task_ended()

    async def _push_all(self) -> None:
        try:
            while record := await self._pending.first():
                for fence in record.after:
                    await fence.wait()
                await point(self._room)
                self._pending.take()
                await self._push(record)
        finally:
            self._in_flight.close()

    async def _push(self, record: _InFlight) -> None:
        with self._lockdep.signalling():
            if record.context.ban.why is not None:
                await self._finish(record, ECANCELED(f"fence {record.name}: {record.context.name} is banned"))
            else:
                record.hardware = self._ring.push(record.job)
                self._in_flight.put(record)

    async def _complete_all(self) -> None:
        try:
            while record := await self._in_flight.first():
                if await self._done_in_time(record):
                    self._in_flight.take()
                    await self._finish(record, record.error)
                    self._sleepers.wake_one()
                elif self._ring.hung:
                    await self._recover()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._give_up()
            raise
        finally:
            self._ended.close()

    async def _done_in_time(self, record: _InFlight) -> bool:
        """Outside of the signalling section, where one may wait."""
        hardware = record.hardware
        if hardware is None:
            raise InternalError(f"{record.name} is in flight and was never pushed")
        with anyio.move_on_after(self._timeout):
            await hardware.wait()
        return hardware.signalled

    async def _recover(self) -> None:
        """Reset, and decide for each job that was on the ring what its fence says."""
        self._stop(stopped=True)
        with anyio.CancelScope(shield=True), self._lockdep.signalling():
            await self._ring.reset()
            self.resets += 1
            hung, *behind = self._in_flight.take_all()
            error = ETIMEDOUT(f"fence {hung.name}: {hung.job.name} hung")
            hung.context.ban.strike(error)
            await self._finish(hung, error)
            for record in behind:
                await self._push(record)
        self._stop(stopped=False)

    def _stop(self, *, stopped: bool) -> None:
        """Nothing new is pushed while the ring is reset (``drm_sched_stop``)."""
        self._stopped = stopped
        share(f"{self.name} stopped", stopped)
        self._sleepers.wake_one()

    async def _finish(self, record: _InFlight, error: Errno | None) -> None:
        with self._lockdep.signalling():
            await record.finished.signal(error)
        self._ended.put(record)

    async def _give_up(self) -> None:
        self._pending.close()
        self._workers.cancel_scope.cancel()  # the worker that pushes, if it was not cancelled with this one
        with self._lockdep.signalling():
            await self._ring.reset()
        while record := await self._in_flight.first():
            self._in_flight.take()
            await self._finish(record, ECANCELED(f"fence {record.name}: the scheduler was stopped"))
        for record in self._pending.take_all():
            await self._finish(record, ECANCELED(f"fence {record.name}: the scheduler was stopped"))

    async def _clean_up(self) -> None:
        """Shielded as a whole: it ends by itself once the other workers have."""
        with anyio.CancelScope(shield=True):
            while record := await self._ended.first():
                trace(EventKind.JOB_CLEANUP, record.name, queue=self.name)
                await record.job.cleanup()
                trace(EventKind.JOB_CLEANED, record.name, queue=self.name)
                self._ended.take()

    def _has_room(self) -> bool:
        return not self._stopped and len(self._in_flight) < CREDITS
