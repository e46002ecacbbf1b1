from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import ECANCELED, EINVAL, EIO, ETIMEDOUT, Errno
from nova_async.kernel import DmaFence, Kernel, RingContext, RingJob, RingScheduler
from nova_async.kernel.ring_sched import CREDITS

TIMEOUT_S = 0.01


async def settle() -> None:
    for _ in range(30):
        await checkpoint()


@dataclass
class Work:
    """A job that says when it was cleaned up."""

    name: str
    log: list[str] = field(default_factory=list)

    async def cleanup(self) -> None:
        await checkpoint()
        self.log.append(f"cleanup {self.name}")


class TestRing:
    """Hardware that does what the test says, when it says so."""

    __test__ = False

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.hung = False
        self.pushed: list[tuple[str, DmaFence]] = []
        self.resets = 0
        self.in_reset: Callable[[], None] = lambda: None

    def push(self, job: RingJob) -> DmaFence:
        fence = self.kernel.fence(f"hw {len(self.pushed)}")
        self.pushed.append((job.name, fence))
        return fence

    async def reset(self) -> None:
        self.in_reset()
        before = len(self.pushed)
        await settle()
        assert len(self.pushed) == before
        self.resets += 1
        self.hung = False

    async def complete(self, name: str, error: Errno | None = None) -> None:
        """The last job of this name that was pushed is done."""
        await next(fence for job, fence in reversed(self.pushed) if job == name).signal(error)


@pytest.fixture
def ring(kernel: Kernel) -> TestRing:
    return TestRing(kernel)


def scheduler(kernel: Kernel, ring: TestRing, timeout: float = 5.0) -> RingScheduler:
    return RingScheduler(kernel.lockdep, "gfx", ring, timeout=timeout)


async def test_jobs_are_pushed_in_order_and_complete_when_the_hardware_says_so(kernel: Kernel, ring: TestRing) -> None:
    log: list[str] = []
    context = RingContext("client")
    async with scheduler(kernel, ring) as queue:
        fences = [queue.submit(Work(name, log), context) for name in "ab"]
        await settle()
        assert [job for job, _ in ring.pushed] == ["a", "b"]
        assert not fences[0].signalled
        await ring.complete("a")
        await settle()
        assert [fence.signalled for fence in fences] == [True, False]
        await ring.complete("b")
    assert log == ["cleanup a", "cleanup b"]
    assert kernel.lockdep.findings == []


async def test_no_more_jobs_are_on_the_ring_than_there_are_credits(kernel: Kernel, ring: TestRing) -> None:
    context = RingContext("client")
    async with scheduler(kernel, ring) as queue:
        for number in range(CREDITS + 2):
            queue.submit(Work(str(number)), context)
        await settle()
        assert len(ring.pushed) == CREDITS
        for number in range(CREDITS + 2):
            await settle()
            await ring.complete(str(number))
    assert len(ring.pushed) == CREDITS + 2


async def test_an_in_fence_is_waited_for_before_the_push(kernel: Kernel, ring: TestRing) -> None:
    gate = kernel.fence("gate")
    async with scheduler(kernel, ring) as queue:
        queue.submit(Work("a"), RingContext("client"), after=[gate])
        await settle()
        assert not ring.pushed
        await gate.signal()
        await settle()
        await ring.complete("a")


async def test_an_error_of_the_hardware_comes_out_of_the_fence(kernel: Kernel, ring: TestRing) -> None:
    async with scheduler(kernel, ring) as queue:
        fence = queue.submit(Work("a"), RingContext("client"))
        await settle()
        await ring.complete("a", EIO("page fault"))
        await fence.wait()
    assert isinstance(fence.error, EIO)


async def test_a_hung_job_times_out_alone_and_its_context_is_banned(kernel: Kernel, ring: TestRing) -> None:
    log: list[str] = []
    guilty, innocent = RingContext("guilty"), RingContext("innocent")
    async with scheduler(kernel, ring, TIMEOUT_S) as queue:
        ring.hung = True
        hung = queue.submit(Work("hung", log), guilty)
        same, other = queue.submit(Work("same", log), guilty), queue.submit(Work("other", log), innocent)
        await hung.wait()
        await settle()
        assert [job for job, _ in ring.pushed] == ["hung", "same", "other", "other"]
        await ring.complete("other")
        await other.wait()
        with pytest.raises(ECANCELED, match="guilty"):
            queue.submit(Work("late", log), guilty)
    assert isinstance(hung.error, ETIMEDOUT)
    assert isinstance(same.error, ECANCELED)
    assert other.error is None
    assert (queue.resets, ring.resets) == (1, 1)
    assert sorted(log) == ["cleanup hung", "cleanup other", "cleanup same"]
    assert kernel.lockdep.findings == []


async def test_what_waits_behind_the_ring_is_canceled_too_if_its_context_is_banned(
    kernel: Kernel, ring: TestRing
) -> None:
    gate, guilty = kernel.fence("gate"), RingContext("guilty")
    async with scheduler(kernel, ring, TIMEOUT_S) as queue:
        ring.hung = True
        hung = queue.submit(Work("hung"), guilty)
        behind = queue.submit(Work("behind"), guilty, after=[gate])
        await hung.wait()
        await gate.signal()
        await behind.wait()
    assert isinstance(behind.error, ECANCELED)
    assert [job for job, _ in ring.pushed] == ["hung"]


async def test_a_slow_job_is_not_taken_for_a_hung_one(kernel: Kernel, ring: TestRing) -> None:
    async with scheduler(kernel, ring, TIMEOUT_S) as queue:
        fence = queue.submit(Work("slow"), RingContext("client"))
        await anyio.sleep(3 * TIMEOUT_S)
        assert not fence.signalled
        await ring.complete("slow")
        await fence.wait()
    assert (fence.error, ring.resets) == (None, 0)


async def test_nothing_new_is_pushed_while_the_ring_is_reset(kernel: Kernel, ring: TestRing) -> None:
    fences: list[DmaFence] = []
    async with scheduler(kernel, ring, TIMEOUT_S) as queue:
        ring.hung = True
        ring.in_reset = lambda: fences.append(queue.submit(Work("next"), RingContext("innocent")))
        await queue.submit(Work("hung"), RingContext("guilty")).wait()
        await settle()
        await ring.complete("next")
        await fences[0].wait()
    assert (ring.resets, [job for job, _ in ring.pushed]) == (1, ["hung", "next"])


async def test_the_reset_is_on_the_way_to_the_fences(kernel: Kernel, ring: TestRing) -> None:
    sections: list[bool] = []
    ring.in_reset = lambda: sections.append(kernel.lockdep.in_signalling)
    async with scheduler(kernel, ring, TIMEOUT_S) as queue:
        ring.hung = True
        await queue.submit(Work("hung"), RingContext("guilty")).wait()
    assert sections == [True]


async def test_a_closed_scheduler_takes_no_jobs(kernel: Kernel, ring: TestRing) -> None:
    async with scheduler(kernel, ring) as queue:
        pass
    with pytest.raises(EINVAL, match="late"):
        queue.submit(Work("late"), RingContext("client"))


@pytest.mark.parametrize("turns", range(12))
async def test_stopped_at_any_time_the_ring_is_reset_and_every_fence_completes(
    kernel: Kernel, ring: TestRing, turns: int
) -> None:
    log: list[str] = []
    gate = kernel.fence("never")
    with anyio.CancelScope() as scope:
        async with scheduler(kernel, ring) as queue:
            context = RingContext("client")
            fences = [queue.submit(Work("a", log), context), queue.submit(Work("b", log), context)]
            fences.append(queue.submit(Work("c", log), context, after=[gate]))
            for _ in range(turns):
                await checkpoint()
            scope.cancel()
    assert [type(fence.error) for fence in fences] == [ECANCELED] * 3
    assert sorted(log) == ["cleanup a", "cleanup b", "cleanup c"]
    assert ring.resets == 1
    assert kernel.lockdep.findings == []
