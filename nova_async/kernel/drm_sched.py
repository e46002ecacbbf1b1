"""A job queue in the manner of drm_sched: submit, run, cleanup.

Jobs of one queue run in order. A job's finished fence is public from :meth:`DrmScheduler.submit` on, so its run stage
lies in the signalling section by contract (lockdep.md 3.4); what must be freed waits for the cleanup stage.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import anyio
from anyio.abc import TaskGroup

from nova_async.errors import ECANCELED, EINVAL, Errno
from nova_async.events import EventKind, trace
from nova_async.kernel.dma_fence import DmaFence
from nova_async.kernel.work_list import WorkList
from nova_async.lockdep import Validator
from nova_async.point import observe_guarded, share


class Job(Protocol):
    """The work of one submission; its submit stage is over."""

    async def run(self) -> None:
        """Do it, in the signalling section: no reclaimable allocation, no free to a buddy."""
        ...

    async def stop(self) -> None:
        """The queue was stopped before the run stage was over: make true what waiters take the fence to mean."""
        ...

    async def cleanup(self) -> None:
        """After the fence: free what the job held, however it ended. Must not fail."""
        ...


@dataclass(slots=True)
class _Queued:
    job: Job
    after: Sequence[DmaFence]
    finished: DmaFence

    @property
    def name(self) -> str:
        return self.finished.name


class DrmScheduler:
    """One ordered queue and the two workers that serve it, for the length of an ``async with``.

    The cleanup stage has a worker of its own. A queue that cleans up between two jobs puts the locks of its cleanup in
    the way of the next job's fence: a buddy lock, say, whose holder reclaims and waits for just that fence.

    Leaving the block runs what was submitted to its end. Cancelled, the queue completes every fence that is left with
    ECANCELED: a fence that is never signalled would hang whoever waits for it.
    """

    def __init__(self, lockdep: Validator, name: str) -> None:
        self.name = name
        self._lockdep = lockdep
        self._submitted = WorkList[_Queued](f"{name} queue")
        self._ended = WorkList[_Queued](f"{name} ended jobs")
        self._seqno = 0
        self._workers: TaskGroup

    async def __aenter__(self) -> Self:
        self._workers = anyio.create_task_group()
        await self._workers.__aenter__()
        self._workers.start_soon(self._run_jobs, name=f"{self.name} run")
        self._workers.start_soon(self._clean_up, name=f"{self.name} cleanup")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._submitted.close()
        return await self._workers.__aexit__(kind, error, trace)

    @property
    def open(self) -> bool:
        """Whether it takes jobs."""
        return not self._submitted.closed

    def submit(self, job: Job, after: Sequence[DmaFence] = ()) -> DmaFence:
        """Queue a job; from here on its fence is public.

        Args:
            job: prepared in full: nothing may be missing when it runs.
            after: in-fences that must be signalled before it runs.

        Raises:
            EINVAL: the scheduler is closing.
        """
        if not self.open:
            raise EINVAL(f"scheduler {self.name}: a job submitted after it was closed")
        self._seqno += 1
        share(f"{self.name} jobs so far", self._seqno)
        observe_guarded(self._seqno)
        finished = DmaFence(self._lockdep, f"{self.name}:{self._seqno}")
        finished.publish()
        trace(EventKind.JOB_SUBMIT, finished.name, queue=self.name)
        self._submitted.put(_Queued(job, tuple(after), finished))
        return finished

    async def _run_jobs(self) -> None:
        try:
            while queued := await self._submitted.first():
                await self._execute(queued)
                self._ended.put(self._submitted.take())
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await self._give_up()
            finally:
                self._ended.close()
                self._lockdep.task_ended()

    async def _execute(self, queued: _Queued) -> None:
        queued.finished.take_on()
        # In-fences are waited for before the section opens: a wait inside it is NOVA204.
        for fence in queued.after:
            await fence.wait()
        with self._lockdep.signalling():
            trace(EventKind.JOB_RUN, queued.finished.name, queue=self.name)
            try:
                error = await _outcome(queued.job.run)
            finally:
                trace(EventKind.JOB_RAN, queued.finished.name, queue=self.name)
            await queued.finished.signal(error)

    async def _give_up(self) -> None:
        self._submitted.close()
        while queued := await self._submitted.first():
            if not queued.finished.signalled:
                queued.finished.take_on()
                stopped = ECANCELED(f"fence {queued.finished.name}: the scheduler was stopped")
                with self._lockdep.signalling():
                    error = await _outcome(queued.job.stop)
                    await queued.finished.signal(error or stopped)
            self._ended.put(self._submitted.take())

    async def _clean_up(self) -> None:
        """Shielded as a whole: it ends by itself once the other worker has."""
        with anyio.CancelScope(shield=True):
            while queued := await self._ended.first():
                trace(EventKind.JOB_CLEANUP, queued.finished.name, queue=self.name)
                await queued.job.cleanup()
                trace(EventKind.JOB_CLEANED, queued.finished.name, queue=self.name)
                self._ended.take()
        self._lockdep.task_ended()


async def _outcome(stage: Callable[[], Awaitable[None]]) -> Errno | None:
    """The error of a stage: it goes into the job's fence, not to the worker, which has other jobs."""
    try:
        await stage()
    except Errno as error:
        return error
    return None
