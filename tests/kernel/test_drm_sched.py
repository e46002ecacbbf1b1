import gc
from dataclasses import dataclass, field
from weakref import ref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import ECANCELED, EINVAL, EIO
from nova_async.kernel import DrmScheduler, Kernel
from nova_async.lockdep import Gfp


@dataclass
class Recorder:
    """A job that writes down its stages."""

    name: str
    log: list[str]
    error: EIO | None = None
    pause: anyio.Event | None = None
    started: anyio.Event = field(default_factory=anyio.Event)

    async def run(self) -> None:
        self.log.append(f"run {self.name}")
        self.started.set()
        if self.pause:
            await self.pause.wait()
        if self.error:
            raise self.error

    async def stop(self) -> None:
        await checkpoint()
        self.log.append(f"stop {self.name}")

    async def cleanup(self) -> None:
        await checkpoint()
        self.log.append(f"cleanup {self.name}")


async def test_jobs_run_in_order_and_each_is_cleaned_up_after_its_fence(kernel: Kernel) -> None:
    log: list[str] = []
    async with DrmScheduler(kernel.lockdep, "ring") as ring:
        fences = [ring.submit(Recorder(name, log)) for name in "abc"]
        for fence in fences:
            await fence.wait()
    assert [entry for entry in log if entry.startswith("run")] == ["run a", "run b", "run c"]
    assert all(log.index(f"run {name}") < log.index(f"cleanup {name}") for name in "abc")
    assert [fence.name for fence in fences] == ["ring:1", "ring:2", "ring:3"]


async def test_a_job_waits_for_its_in_fences_outside_the_signalling_section(kernel: Kernel) -> None:
    log: list[str] = []
    before = kernel.fence("before")
    async with DrmScheduler(kernel.lockdep, "ring") as ring:
        done = ring.submit(Recorder("a", log), after=[before])
        for _ in range(5):
            await checkpoint()
        assert not log
        await before.signal()
        await done.wait()
    assert not kernel.lockdep.findings


async def test_a_cleanup_that_waits_for_the_next_jobs_fence_does_not_keep_it_from_running(kernel: Kernel) -> None:
    class Waiting(Recorder):
        async def cleanup(self) -> None:
            await later.wait()
            self.log.append(f"cleanup {self.name}")

    log: list[str] = []
    with anyio.fail_after(5):
        async with DrmScheduler(kernel.lockdep, "ring") as ring:
            ring.submit(Waiting("a", log))
            later = ring.submit(Recorder("b", log))
    assert log == ["run a", "run b", "cleanup a", "cleanup b"]


async def test_an_error_goes_into_the_fence_and_the_next_job_runs(kernel: Kernel) -> None:
    log: list[str] = []
    async with DrmScheduler(kernel.lockdep, "ring") as ring:
        bad = ring.submit(Recorder("bad", log, error=EIO("page table")))
        good = ring.submit(Recorder("good", log))
        await good.wait()
    assert isinstance(bad.error, EIO)
    assert good.error is None
    assert "cleanup bad" in log


async def test_leaving_the_block_finishes_what_was_submitted(kernel: Kernel) -> None:
    log: list[str] = []
    async with DrmScheduler(kernel.lockdep, "ring") as ring:
        fence = ring.submit(Recorder("a", log))
    assert fence.signalled
    with pytest.raises(EINVAL, match="ring"):
        ring.submit(Recorder("late", log))


async def test_a_stopped_scheduler_completes_every_fence_and_cleans_up(kernel: Kernel) -> None:
    log: list[str] = []
    stuck = Recorder("stuck", log, pause=anyio.Event())
    with anyio.CancelScope() as scope:
        async with DrmScheduler(kernel.lockdep, "ring") as ring:
            fences = [ring.submit(stuck), ring.submit(Recorder("never", log))]
            await stuck.started.wait()
            scope.cancel()
    assert [type(fence.error) for fence in fences] == [ECANCELED, ECANCELED]
    assert [entry for entry in log if "stuck" in entry] == ["run stuck", "stop stuck", "cleanup stuck"]
    assert [entry for entry in log if "never" in entry] == ["stop never", "cleanup never"]


async def test_a_reclaimable_allocation_in_the_run_stage_is_found(kernel: Kernel) -> None:
    class Allocating(Recorder):
        async def run(self) -> None:
            await kernel.memory.alloc(Gfp.KERNEL, "late")

    async with DrmScheduler(kernel.lockdep, "ring") as ring:
        await ring.submit(Allocating("a", [])).wait()
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA202"]


async def test_a_queue_keeps_neither_the_jobs_it_has_cleaned_up_nor_their_fences_alive(kernel: Kernel) -> None:
    gc.disable()
    try:
        async with DrmScheduler(kernel.lockdep, "ring") as ring:
            fences = []
            done = kernel.fence("before")
            await done.signal()
            for _ in range(100):  # each waits for the one before
                done = ring.submit(Recorder("a", []), after=[done])
                fences.append(ref(done))
            await done.wait()
            for _ in range(500):
                await checkpoint()
            assert [fence() for fence in fences[:-2]] == [None] * 98  # workers remember their last job
    finally:
        gc.enable()
