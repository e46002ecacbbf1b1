"""Reservations, rings and notifiers in every order in which their users can meet."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

import anyio
import pytest

from nova_async.explore import explore
from nova_async.kernel import DmaFence, DrmExec, Kernel, MmuIntervalNotifier, RingContext, RingJob, RingScheduler, Usage
from nova_async.lockdep import Validator
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import point

Program = Callable[[], Awaitable[Hashable]]


class Tasks:
    def current(self) -> Hashable:
        return anyio.get_current_task().id

    def name(self, task: Hashable) -> str:
        return str(task)


def make_kernel() -> Kernel:
    return Kernel(Validator(Tasks()))


def check(program: Program, outcomes: set[str], **options: object) -> None:
    """Every order is tried, none of them fails, and they come to just these results."""
    result = explore(program, **options)  # type: ignore[arg-type]
    assert result.failures == ()
    assert result.complete
    assert set(result.outcomes) == outcomes


@pytest.mark.parametrize("strategy", ["exhaustive", "dpor"])
def test_two_jobs_are_on_both_of_their_buffers_in_the_same_order(strategy: str) -> None:
    async def program() -> Hashable:
        kernel = make_kernel()
        resvs = [kernel.resv("bo0", None), kernel.resv("bo1", None)]
        order: list[int] = []

        async def job(number: int) -> None:
            mine = resvs if number == 0 else resvs[::-1]
            async with DrmExec(kernel.reservations, f"job {number}", mine) as locked:
                order.append(number)
                for guard in locked:
                    await guard.reserve_fences()
                    await guard.add_fence(kernel.fence(f"fence {number} on {len(order)}"), Usage.WRITE)

        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(job, number, name=f"job {number}")
        assert kernel.lockdep.findings == []
        names = [[fence.name for fence in await resv.fences(Usage.WRITE)] for resv in resvs]
        assert names[0] == names[1]
        return tuple(order)

    check(program, {"(0, 1)", "(1, 0)"}, strategy=strategy)


@dataclass
class Job:
    name: str

    async def cleanup(self) -> None:
        """It holds nothing."""


class SmallRing:
    """Completes what is pushed, one after the other; hangs at a job called ``hung``."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.hung = False
        self.closed = False
        self.work: list[tuple[str, DmaFence]] = []
        self.count = 0
        self._sleepers = Sleepers(in_turn=False)
        self._next = Operation(Kind.WAIT, "ring", self._ready, self._sleepers)
        self._reset = Operation(Kind.WRITE, "ring")

    def _ready(self) -> bool:
        return self.closed or (bool(self.work) and not self.hung)

    def push(self, job: RingJob) -> DmaFence:
        self.count += 1
        fence = self.kernel.fence(f"hw {self.count}")
        self.work.append((job.name, fence))
        return fence

    async def reset(self) -> None:
        await point(self._reset)
        self.work.clear()
        self.hung = False

    async def run(self) -> None:
        while True:
            await point(self._next)
            if self.closed:
                return
            if self.work[0][0] == "hung":
                self.hung = True
            else:
                await self.work.pop(0)[1].signal()


def test_a_job_that_hangs_times_out_and_the_one_behind_it_runs() -> None:
    async def program() -> Hashable:
        kernel = make_kernel()
        ring = SmallRing(kernel)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ring.run, name="ring")
            async with RingScheduler(kernel.lockdep, "gfx", ring) as queue:
                fences = [queue.submit(Job("hung"), RingContext("first"))]
                fences.append(queue.submit(Job("second"), RingContext("second")))
                for fence in fences:
                    await fence.wait()
            ring.closed = True
        assert kernel.lockdep.findings == []
        return (*(type(fence.error).__name__ for fence in fences), queue.resets)

    # Stateless: the ring of this test does not tell its state.
    check(program, {"('ETIMEDOUT', 'NoneType', 1)"}, strategy="dpor")


@pytest.mark.parametrize("strategy", ["exhaustive", "dpor"])
def test_a_bind_commits_what_is_there_or_retries(strategy: str) -> None:
    async def program() -> Hashable:
        kernel = make_kernel()
        lock = kernel.private_mutex("notifier_lock", [0])
        pages = kernel.private_mutex("mmap", [1])
        bound: list[int] = []

        async def invalidate() -> None:
            async with lock.lock() as guard:
                notifier.set_seq()
                guard.data[0] = 0

        notifier = MmuIntervalNotifier(kernel.lockdep, "mirror", invalidate)

        async def move() -> None:
            async with pages.lock() as guard:
                await notifier.invalidate_range()
                guard.data[0] = 2

        async def bind() -> None:
            while True:
                seq = await notifier.read_begin()
                async with pages.lock() as guard:
                    seen = guard.data[0]
                async with lock.lock() as held:
                    if not notifier.read_retry(seq):
                        held.data[0] = seen
                        bound.append(seen)
                        return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(move, name="move")
            tasks.start_soon(bind, name="bind")
        async with pages.lock() as now, lock.lock() as guard:
            assert guard.data[0] in (0, now.data[0])
        assert kernel.lockdep.findings == []
        return bound[0]

    check(program, {"1", "2"}, strategy=strategy)
