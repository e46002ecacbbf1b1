import gc
from weakref import ref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import InternalError
from nova_async.kernel import Kernel, Mutex
from nova_async.point import running_under
from nova_async.runtime import Live


async def settle() -> None:
    for _ in range(10):
        await checkpoint()


async def test_the_data_is_reached_only_through_the_guard_and_only_while_held(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("counter", 41)
    async with mutex.lock() as guard:
        guard.data += 1
    with pytest.raises(InternalError, match="counter"):
        _ = guard.data
    with pytest.raises(InternalError, match="counter"):
        guard.data = 7
    async with mutex.lock() as again:
        assert again.data == 42


async def test_waiters_get_the_lock_in_the_order_in_which_they_came(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("fifo", None)
    order: list[int] = []

    async def taker(number: int) -> None:
        async with mutex.lock():
            order.append(number)
            await checkpoint()

    async with anyio.create_task_group() as tasks, mutex.lock():
        for number in range(5):
            tasks.start_soon(taker, number)
            await settle()
    assert order == [0, 1, 2, 3, 4]


async def test_a_newcomer_does_not_overtake_a_waiter_that_was_woken(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("fair", None)
    order: list[str] = []

    async def waiter() -> None:
        async with mutex.lock():
            order.append("waiter")

    async with anyio.create_task_group() as tasks:
        async with mutex.lock():
            tasks.start_soon(waiter)
            await settle()
        async with mutex.lock():  # free now, but the waiter's turn has come
            order.append("newcomer")
    assert order == ["waiter", "newcomer"]


async def test_a_cancelled_waiter_leaves_no_trace(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("cancelled", None)

    async def waiter(scope: anyio.CancelScope) -> None:
        with scope:
            async with mutex.lock():
                raise AssertionError("got the lock while it was held")

    async with anyio.create_task_group() as tasks, mutex.lock():
        scope = anyio.CancelScope()
        tasks.start_soon(waiter, scope)
        await settle()
        scope.cancel()
        await settle()
        assert "0 waiting" in repr(mutex)
    assert not mutex.held
    assert not kernel.lockdep.findings


async def test_the_turn_of_a_waiter_cancelled_after_it_was_woken_goes_to_the_next(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("handover", None)
    got: list[str] = []

    async def waiter(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with mutex.lock():
                got.append(name)

    first, second = anyio.CancelScope(), anyio.CancelScope()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            async with mutex.lock():
                tasks.start_soon(waiter, "first", first)
                await settle()
                tasks.start_soon(waiter, "second", second)
                await settle()
            first.cancel()  # its wakeup is on the way
    assert got[-1] == "second"
    assert not mutex.held


async def test_try_lock_fails_when_taken_and_works_when_free(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("try", "data")
    async with mutex.lock():
        assert mutex.try_lock() is None
    guard = mutex.try_lock()
    assert guard is not None
    assert guard.data == "data"
    guard.release()
    assert not mutex.held


async def test_under_preemption_critical_sections_still_exclude_each_other(kernel: Kernel) -> None:
    mutex: Mutex[list[int]] = kernel.private_mutex("excluded", [0])

    async def increment() -> None:
        for _ in range(20):
            async with mutex.lock() as guard:
                seen = guard.data[0]
                await checkpoint()
                guard.data[0] = seen + 1

    with running_under(Live(seed=3, preemption=0.5)):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(increment)
    async with mutex.lock() as guard:
        assert guard.data == [100]


class Guarded:
    pass


async def test_what_a_lock_guards_is_gone_with_the_lock_and_without_the_collector(kernel: Kernel) -> None:
    gc.disable()
    try:
        data = Guarded()
        gone = ref(data)
        mutex = kernel.private_mutex("short-lived", data)
        async with mutex.lock():
            pass
        del mutex, data
        assert gone() is None
    finally:
        gc.enable()
