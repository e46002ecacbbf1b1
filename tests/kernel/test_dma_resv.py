import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import EDEADLK, EINVAL, ENOMEM, InternalError
from nova_async.kernel import DmaFence, DmaResv, DrmExec, FaultPlan, Kernel, Usage
from nova_async.lockdep import Gfp, Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.operation import Operation
from nova_async.point import running_under
from nova_async.runtime import Live


async def settle() -> None:
    for _ in range(20):
        await checkpoint()


async def add(resv: DmaResv[None], fence: DmaFence, usage: Usage) -> None:
    with await resv.lock() as guard:
        await guard.reserve_fences()
        await guard.add_fence(fence, usage)


async def test_who_asks_for_a_usage_gets_those_before_it_as_well(kernel: Kernel) -> None:
    resv = kernel.resv("bo", None)
    for usage in reversed(Usage):
        await add(resv, kernel.fence(usage.name), usage)
    seen = {usage: [fence.name for fence in await resv.fences(usage)] for usage in Usage}
    assert seen == {
        Usage.KERNEL: ["KERNEL"],
        Usage.WRITE: ["WRITE", "KERNEL"],
        Usage.READ: ["READ", "WRITE", "KERNEL"],
        Usage.BOOKKEEP: ["BOOKKEEP", "READ", "WRITE", "KERNEL"],
    }


async def test_a_signalled_fence_is_not_among_them(kernel: Kernel) -> None:
    resv, fence = kernel.resv("bo", None), kernel.fence("ring:1")
    await add(resv, fence, Usage.WRITE)
    await fence.signal()
    assert await resv.fences(Usage.BOOKKEEP) == ()


async def test_a_wait_ends_when_all_fences_up_to_the_usage_have_signalled(kernel: Kernel) -> None:
    resv = kernel.resv("bo", None)
    write, read = kernel.fence("write"), kernel.fence("read")
    await add(resv, write, Usage.WRITE)
    await add(resv, read, Usage.READ)
    done: list[Usage] = []

    async def wait(usage: Usage) -> None:
        await resv.wait(usage)
        done.append(usage)

    async with anyio.create_task_group() as tasks:
        for usage in (Usage.WRITE, Usage.BOOKKEEP):
            tasks.start_soon(wait, usage)
        await settle()
        assert done == []
        await write.signal()
        await settle()
        assert done == [Usage.WRITE]
        await read.signal()
    assert done == [Usage.WRITE, Usage.BOOKKEEP]


async def test_a_fence_without_a_reserved_slot_is_refused(kernel: Kernel) -> None:
    resv, fence = kernel.resv("bo", None), kernel.fence("ring:1")
    with await resv.lock() as guard:
        await guard.reserve_fences(2)
        await guard.add_fence(fence, Usage.WRITE)
        await guard.add_fence(fence, Usage.READ)
        with pytest.raises(EINVAL, match="ring:1"):
            await guard.add_fence(fence, Usage.BOOKKEEP)


async def test_slots_that_were_reserved_under_an_earlier_lock_do_not_count(kernel: Kernel) -> None:
    resv = kernel.resv("bo", None)
    with await resv.lock() as guard:
        await guard.reserve_fences(4)
    with await resv.lock() as guard, pytest.raises(EINVAL, match="reserved"):
        await guard.add_fence(kernel.fence("ring:1"), Usage.WRITE)


async def test_only_reserving_can_fail_for_lack_of_memory(anyio_backend: str) -> None:
    faults = FaultPlan()
    kernel = Kernel(Validator(tasks_of(anyio_backend)), faults)
    resv = kernel.resv("bo", None)
    with await resv.lock() as guard:
        await guard.reserve_fences()
        faults.start({"alloc": 1.0})
        await guard.add_fence(kernel.fence("ring:1"), Usage.WRITE)
        with pytest.raises(ENOMEM, match="bo"):
            await guard.reserve_fences()


async def test_an_unlocked_reservation_gives_no_access(kernel: Kernel) -> None:
    resv = kernel.resv("bo", "where it is")
    guard = await resv.lock()
    assert guard.data == "where it is"
    guard.unlock()
    guard.unlock()
    with pytest.raises(InternalError, match="bo"):
        _ = guard.data
    with pytest.raises(InternalError, match="bo"):
        await guard.reserve_fences()
    with pytest.raises(InternalError, match="bo"):
        await guard.add_fence(kernel.fence("ring:1"), Usage.WRITE)


async def test_reserving_and_waiting_under_it_are_allowed(kernel: Kernel) -> None:
    resv, fence = kernel.resv("bo", None), kernel.fence("ring:1")
    await fence.signal()
    with await resv.lock() as guard:
        await guard.reserve_fences()
        await fence.wait()
    assert kernel.lockdep.findings == []


async def test_locking_it_in_a_signalling_section_is_found(kernel: Kernel) -> None:
    with kernel.lockdep.signalling(), await kernel.resv("bo", None).lock():
        pass
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA203"]


async def test_locking_it_in_reclaim_is_found_and_trying_is_not(kernel: Kernel) -> None:
    resv = kernel.resv("bo", None)
    with kernel.lockdep.reclaim():
        guard = await resv.try_lock()
        assert guard is not None
        guard.unlock()
    assert kernel.lockdep.findings == []
    with kernel.lockdep.reclaim(), await resv.lock():
        pass
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA101"]


class CancelAt(Live):
    """Cancels a scope at the n-th point."""

    def __init__(self, nth: int, scope: anyio.CancelScope) -> None:
        super().__init__()
        self.left = nth
        self._scope = scope

    async def reach(self, operation: Operation) -> None:
        self.left -= 1
        if self.left == 0:
            self._scope.cancel()
            await checkpoint()
        await super().reach(operation)


async def test_cancelled_at_any_await_a_job_is_on_all_of_its_buffers_or_on_none(kernel: Kernel) -> None:
    outcomes: set[tuple[int, ...]] = set()
    for nth in range(1, 40):
        resvs = [kernel.resv(f"bo{number} of {nth}", None) for number in range(3)]
        fence = kernel.fence(f"job {nth}")
        scope = anyio.CancelScope()
        runtime = CancelAt(nth, scope)
        with scope, running_under(runtime):
            async with DrmExec(kernel.reservations, f"job {nth}", resvs) as locked:
                await locked.reserve_fences()
                await kernel.memory.alloc(Gfp.KERNEL, "the job")
                for guard in locked:
                    await guard.add_fence(fence, Usage.WRITE)
        assert not any(resv.held for resv in resvs)
        outcomes.add(tuple([len(await resv.fences(Usage.WRITE)) for resv in resvs]))
        if runtime.left > 0:
            break
    assert outcomes == {(0, 0, 0), (1, 1, 1)}
    assert kernel.lockdep.findings == []


async def test_jobs_that_name_their_buffers_in_any_order_all_get_them(kernel: Kernel) -> None:
    resvs = [kernel.resv(f"bo{number}", None) for number in range(4)]
    back_offs = 0

    async def job(number: int) -> None:
        nonlocal back_offs
        order = resvs[number % 4 :] + resvs[: number % 4]
        if number % 3 == 0:
            order.reverse()
        async with DrmExec(kernel.reservations, f"job {number}", order) as locked:
            await checkpoint()
            back_offs += locked.back_offs
            assert len(list(locked)) == 4

    with running_under(Live(seed=2, preemption=0.5)), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(job, number)
    assert back_offs
    assert kernel.lockdep.findings == []


async def test_a_buffer_that_is_named_twice_is_locked_once(kernel: Kernel) -> None:
    resv = kernel.resv("bo", 7)
    async with DrmExec(kernel.reservations, "job", [resv, resv]) as locked:
        assert [guard.data for guard in locked] == [7]
        assert locked[resv].data == 7
    assert not resv.held


async def test_one_more_lock_after_all_are_locked_is_found(kernel: Kernel) -> None:
    first, second = kernel.resv("first", None), kernel.resv("second", None)
    transaction = DrmExec(kernel.reservations, "job", [first])
    async with transaction:
        (await second.lock(transaction._context)).unlock()
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA103"]


async def test_the_back_off_comes_out_of_the_reservation_as_an_error(kernel: Kernel) -> None:
    first, second = kernel.resv("first", None), kernel.resv("second", None)
    locked, done = anyio.Event(), anyio.Event()

    async def older() -> None:
        async with DrmExec(kernel.reservations, "older", [first]):
            locked.set()
            await done.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(older)
        await locked.wait()
        async with kernel.reservations.transaction("younger") as younger:
            with await second.lock(younger), pytest.raises(EDEADLK, match="first"):
                await first.lock(younger)
            done.set()
            (await first.lock_slow(younger)).unlock()
    assert kernel.lockdep.findings == []
