"""Unmodified anyio and asyncio programs on the controlled loop."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

import anyio
import pytest

from nova_async.errors import Uncontrolled
from nova_async.explore import explore
from nova_async.explore.primitives import Cell, Lock

Program = Callable[[], Awaitable[Hashable]]


def only_outcome(program: Program, **options: Any) -> str:
    """What the program returns, or raises, in every order."""
    result = explore(program, strategy="dfs", **options)
    assert result.complete
    (outcome,) = result.outcomes
    return outcome


def in_every_order(program: Program) -> str:
    """The same with a choice at every await, for as many orders as there is time for."""
    result = explore(program, strategy="random", points="awaits", max_executions=60)
    (outcome,) = result.outcomes
    return outcome


def both(program: Program) -> str:
    outcome = only_outcome(program)
    assert in_every_order(program) == outcome
    return outcome


def test_a_task_group_waits_for_its_tasks() -> None:
    async def program() -> Hashable:
        done = []

        async def task(number: int) -> None:
            await anyio.sleep(number)
            done.append(number)

        async with anyio.create_task_group() as group:
            for number in (3, 1, 2):
                group.start_soon(task, number)
        return tuple(done)

    assert both(program) == "(1, 2, 3)"


def test_start_waits_until_the_task_says_that_it_has_started() -> None:
    async def program() -> Hashable:
        async def service(*, task_status: anyio.abc.TaskStatus[str]) -> None:
            await anyio.sleep(1)
            task_status.started("ready")
            await anyio.sleep(1)

        async with anyio.create_task_group() as group:
            said = await group.start(service)
            then = anyio.current_time()
        return said, then

    assert both(program) == "('ready', 1.0)"


def test_an_error_cancels_the_siblings() -> None:
    async def program() -> Hashable:
        seen: list[object] = []

        async def fails() -> None:
            await anyio.sleep(1)
            raise ValueError("broken")

        async def waits() -> None:
            try:
                await anyio.sleep(100)
            finally:
                seen.append(anyio.current_time())

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(waits)
                group.start_soon(fails)
        except* ValueError as errors:
            seen.append(str(errors.exceptions[0]))
        return tuple(seen)

    assert both(program) == "(1.0, 'broken')"


def test_fail_after_passes_in_virtual_time() -> None:
    async def program() -> Hashable:
        try:
            with anyio.fail_after(3600):
                await anyio.sleep_forever()
        except TimeoutError:
            pass
        return anyio.current_time()

    assert both(program) == "3600.0"


def test_move_on_after_leaves_what_is_shielded_alone() -> None:
    async def program() -> Hashable:
        with anyio.move_on_after(1) as scope:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(5)
            await anyio.sleep(5)
        return scope.cancelled_caught, anyio.current_time()

    assert both(program) == "(True, 5.0)"


def test_nested_scopes_cancel_their_own_part_only() -> None:
    async def program() -> Hashable:
        with anyio.CancelScope() as outer:
            with anyio.CancelScope() as inner:
                inner.cancel()
                await anyio.sleep(1)
            await anyio.sleep(2)
        return inner.cancelled_caught, outer.cancelled_caught, anyio.current_time()

    assert both(program) == "(True, False, 2.0)"


def test_an_event_wakes_all_who_wait() -> None:
    async def program() -> Hashable:
        event = anyio.Event()
        woken: list[int] = []

        async def wait(number: int) -> None:
            await event.wait()
            woken.append(number)

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
            event.set()
        return tuple(sorted(woken))

    assert only_outcome(program) == "(0, 1, 2)"


def test_a_condition_hands_items_over() -> None:
    async def program() -> Hashable:
        condition = anyio.Condition()
        items: list[int] = []
        taken: list[int] = []

        async def consumer() -> None:
            async with condition:
                while not items:
                    await condition.wait()
                taken.append(items.pop(0))

        async with anyio.create_task_group() as group:
            group.start_soon(consumer)
            group.start_soon(consumer)
            for item in (1, 2):
                async with condition:
                    items.append(item)
                    condition.notify()
        return tuple(sorted(taken))

    assert both(program) == "(1, 2)"


@pytest.mark.parametrize("make", [anyio.Lock, lambda: anyio.Semaphore(1), lambda: anyio.CapacityLimiter(1)])
def test_what_excludes_excludes_in_every_order(make: Callable[[], Any]) -> None:
    async def program() -> Hashable:
        exclusive = make()
        inside = most = 0

        async def task() -> None:
            nonlocal inside, most
            async with exclusive:
                inside += 1
                most = max(most, inside)
                await anyio.lowlevel.checkpoint()
                inside -= 1

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(task)
        return most

    assert both(program) == "1"


def test_a_memory_stream_keeps_the_order_of_its_items() -> None:
    async def program() -> Hashable:
        send, receive = anyio.create_memory_object_stream[int](1)
        items: list[int] = []

        async def produce() -> None:
            async with send:
                for item in range(4):
                    await send.send(item)

        async with anyio.create_task_group() as group, receive:
            group.start_soon(produce)
            items += [item async for item in receive]
        return tuple(items)

    assert both(program) == "(0, 1, 2, 3)"


def test_plain_asyncio_programs_run_too() -> None:
    async def program() -> Hashable:
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def produce(item: int) -> None:
            await asyncio.sleep(item)
            queue.put_nowait(item)

        await asyncio.gather(produce(2), produce(1))
        async with asyncio.timeout(10):
            return await queue.get(), await asyncio.wait_for(queue.get(), 1)

    assert both(program) == "(1, 2)"


def test_a_lost_update_of_plain_code_is_found() -> None:
    async def program() -> None:
        count = 0

        async def increment() -> None:
            nonlocal count
            before = count
            await anyio.lowlevel.checkpoint()
            count = before + 1

        async with anyio.create_task_group() as group:
            group.start_soon(increment)
            group.start_soon(increment)
        if count != 2:
            raise ValueError(f"{count} of 2")

    result = explore(program, strategy="dpor", points="awaits")
    assert result.complete
    assert [failure.message for failure in result.failures] == ["ValueError: 1 of 2"]
    # It has no points, so that there is nothing to choose between points.
    assert explore(program, strategy="dpor").executions == 1


def test_a_cancelled_task_leaves_the_lock_to_others() -> None:
    async def program() -> Hashable:
        lock, x = Lock("lock"), Cell("x", 0)
        scope = anyio.CancelScope()

        async def victim() -> None:
            with scope:
                async with lock:
                    await x.write(1)

        async def killer() -> None:
            await x.read()
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            group.start_soon(killer)
        return lock.held, x.value

    result = explore(program, strategy="dfs")
    assert set(result.outcomes) == {"(False, 0)", "(False, 1)"}


def test_time_passes_only_when_nobody_can_go_on() -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)

        async def works() -> None:
            for _ in range(3):
                await x.write(1)

        async with anyio.create_task_group() as group:
            group.start_soon(works)
            with anyio.move_on_after(0.001):
                await anyio.sleep_forever()
            then = anyio.current_time()
        return x.value, then

    assert only_outcome(program) == "(1, 0.001)"


def test_a_task_that_never_reaches_a_point_is_named() -> None:
    async def program() -> None:
        async def spins() -> None:
            while True:
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(spins)

    with pytest.raises(Uncontrolled, match="spins: busy for ever without reaching a point"):
        explore(program, strategy="dfs")
