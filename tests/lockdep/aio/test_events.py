from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from nova_async.findings import Finding
from nova_async.lockdep import Validator, aio

Codes = Callable[[], list[str]]


async def passing(lock: aio.Lock) -> None:
    async with lock:
        pass


async def in_turn(*steps: Callable[[], Any]) -> None:
    """Run each of these in a task of its own, one after the other; they know nothing of each other."""
    async with anyio.create_task_group() as tasks:
        for number, step in enumerate(steps):
            tasks.start_soon(_later, number, step, name=step.__name__)


async def _later(number: int, step: Callable[[], Any]) -> None:
    for _ in range(number):
        await anyio.wait_all_tasks_blocked()
    await step()


async def test_an_event_awaited_under_a_lock_that_its_setter_takes_is_found(watched: Validator, codes: Codes) -> None:
    lock, ready = aio.Lock(name="lock"), aio.Event(name="ready")

    async def loader() -> None:
        await passing(lock)
        ready.set()

    async def handler() -> None:
        async with lock:
            await ready.wait()

    await in_turn(loader, handler)
    assert codes() == ["NOVA101"]
    assert watched.findings[0].message == (
        "handler waits for ready while holding lock, and loader takes lock before it signals ready"
    )


async def test_an_event_awaited_after_the_lock_is_no_alarm(codes: Codes) -> None:
    lock, ready = aio.Lock(name="lock"), aio.Event(name="ready")

    async def loader() -> None:
        await passing(lock)
        ready.set()

    async def handler() -> None:
        await passing(lock)
        await ready.wait()

    await in_turn(loader, handler)
    assert codes() == []
    assert ready.is_set()
    assert ready.statistics().tasks_waiting == 0


async def test_a_wait_with_a_timeout_is_no_alarm(codes: Codes) -> None:
    lock, ready = aio.Lock(name="lock"), aio.Event(name="ready")

    async def loader() -> None:
        await passing(lock)
        ready.set()

    async def handler() -> None:
        with anyio.fail_after(60):
            async with lock:
                await ready.wait()

    await in_turn(loader, handler)
    assert codes() == []


async def test_who_was_started_by_the_setter_before_its_lock_may_come_first(codes: Codes) -> None:
    lock, other, ready = aio.Lock(name="lock"), aio.Lock(name="other"), aio.Event(name="ready")
    go = anyio.Event()  # nothing that the validator knows of

    async def handler() -> None:
        await passing(other)
        await go.wait()
        async with lock:
            await ready.wait()

    async def loader() -> None:
        await passing(other)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handler)
            await anyio.wait_all_tasks_blocked()
            await passing(lock)
            ready.set()
            go.set()

    await in_turn(loader)
    assert codes() == ["NOVA101"]


@pytest.mark.parametrize("told", [True, False])
async def test_who_was_started_by_the_setter_after_its_lock_is_no_alarm(codes: Codes, told: bool) -> None:
    lock, ready = aio.Lock(name="lock"), aio.Event(name="ready")

    async def handler() -> None:
        async with lock:
            await ready.wait()

    async def loader() -> None:
        await passing(lock)
        ready.set()
        if told:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(handler)

    await (in_turn(loader) if told else in_turn(loader, handler))
    assert codes() == ([] if told else ["NOVA101"])


async def test_what_an_ancestor_heard_its_children_know(codes: Codes) -> None:
    lock, loaded, ready = aio.Lock(name="lock"), aio.Event(name="loaded"), aio.Event(name="ready")

    async def handler() -> None:
        async with lock:
            await ready.wait()

    async def loader() -> None:
        await passing(lock)
        loaded.set()
        ready.set()

    async def server() -> None:
        await loaded.wait()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handler)

    await in_turn(server, loader)
    assert codes() == []


async def test_an_item_that_comes_from_code_that_takes_the_lock_is_found(watched: Validator, codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    send, receive = aio.create_memory_object_stream[int](1, name="jobs")

    async def producer() -> None:
        await passing(lock)
        await send.send(1)

    async def consumer() -> None:
        async with lock:
            assert await receive.receive() == 1

    with send, receive:
        await in_turn(producer, consumer)
    assert codes() == ["NOVA101"]
    assert watched.findings[0].message == (
        "consumer waits for put to jobs while holding lock, and producer takes lock before it signals put to jobs"
    )


async def test_an_item_sent_without_the_lock_does_not_stand_for_a_later_one(codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    send, receive = aio.create_memory_object_stream[int](2, name="jobs")

    async def producer() -> None:
        await send.send(1)
        await passing(lock)
        await send.send(2)

    async def consumer() -> None:
        async with lock:
            assert await receive.receive() == 1

    with send, receive:
        await in_turn(producer, consumer)
    assert codes() == []


async def test_a_receiver_that_must_take_the_senders_lock_is_found(watched: Validator, codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    send, receive = aio.create_memory_object_stream[int](name="jobs")

    async def worker() -> None:
        await passing(lock)
        assert await receive.receive() == 1

    async def client() -> None:
        async with lock:
            await send.send(1)

    with send, receive:
        await in_turn(worker, client)
    assert codes() == ["NOVA101"]
    assert watched.findings[0].locks == ("lock", "get from jobs")


async def test_a_stream_with_room_keeps_no_sender_waiting(codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    send, receive = aio.create_memory_object_stream[int](1, name="jobs")

    async def worker() -> None:
        await passing(lock)
        assert await receive.receive() == 1

    async def client() -> None:
        async with lock:
            await send.send(1)

    with send, receive:
        await in_turn(worker, client)
    assert codes() == []


async def test_streams_do_what_anyios_do(watched: Validator) -> None:
    send, receive = aio.create_memory_object_stream[str](2)
    with send.clone() as another, receive.clone() as reader:
        await another.send("a")
        send.send_nowait("b")
        with pytest.raises(anyio.WouldBlock):
            send.send_nowait("c")
        assert send.statistics().current_buffer_used == receive.statistics().current_buffer_used == 2
        assert (await reader.receive(), receive.receive_nowait()) == ("a", "b")
        with pytest.raises(anyio.WouldBlock):
            reader.receive_nowait()
    await send.aclose()
    assert [item async for item in receive] == []
    receive.close()


async def test_items_sent_before_anybody_watched_arrive() -> None:
    send, receive = aio.create_memory_object_stream[str](2)
    with send, receive:
        await send.send("early")
        assert await receive.receive() == "early"
        await send.send("late")
        with aio.watching() as validator:
            assert await receive.receive() == "late"
    assert validator.findings == []


@pytest.mark.parametrize("already", [True, False], ids=["the child waits", "the parent waits"])
async def test_a_child_that_waits_for_its_parents_lock_is_told_at_once(already: bool) -> None:
    lock, tasks, found = aio.Lock(name="lock"), aio.create_task_group(), []

    def tell(finding: Finding) -> None:
        found.append(finding)
        tasks.cancel_scope.cancel()

    with aio.watching(Validator(aio.AnyTasks(), on_finding=tell)):
        tasks = aio.create_task_group()
        async with lock, tasks:
            tasks.start_soon(passing, lock, name="child")
            if already:
                await anyio.wait_all_tasks_blocked()
    (finding,) = found
    assert (finding.code, finding.severity) == ("NOVA101", "proved")
    assert finding.locks == ("lock", "the end of child")


async def test_a_child_that_waits_with_a_timeout_holds_nobody_up(codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def child() -> None:
        with anyio.move_on_after(0.01):
            await passing(lock)

    async with lock, aio.create_task_group() as tasks:
        tasks.start_soon(child, name="child")
    assert codes() == []


async def test_a_child_may_wait_for_another_lock_than_its_parent_holds(codes: Codes) -> None:
    lock, other = aio.Lock(name="lock"), aio.Lock(name="other")

    async def holds() -> None:
        async with other:
            await anyio.wait_all_tasks_blocked()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holds)
        await anyio.lowlevel.checkpoint()
        async with lock, aio.create_task_group() as children:
            children.start_soon(passing, other)
    assert codes() == []


async def test_a_child_that_was_cancelled_did_not_need_what_it_took(codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def child() -> None:
        await passing(lock)
        await anyio.sleep_forever()

    async with aio.create_task_group() as tasks:
        tasks.start_soon(child)
        await anyio.wait_all_tasks_blocked()
        await lock.acquire()
        tasks.cancel_scope.cancel()
    lock.release()
    assert codes() == []


async def test_a_child_that_took_the_lock_before_its_parent_is_told(watched: Validator, codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def parent() -> None:
        tasks = aio.create_task_group()
        async with tasks:
            tasks.start_soon(passing, lock, name="child")
            await anyio.wait_all_tasks_blocked()
            await lock.acquire()
        lock.release()

    await in_turn(parent)
    assert codes() == ["NOVA101"]
    assert watched.findings[0].severity == "possible"


async def test_a_child_that_takes_its_lock_before_its_parent_wants_it_is_no_alarm(codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    async with aio.create_task_group() as tasks:
        tasks.start_soon(passing, lock)
        async with lock:
            await anyio.wait_all_tasks_blocked()
    assert codes() == []


async def test_groups_start_tasks_as_anyios_do(watched: Validator) -> None:
    names = []

    async def ready(value: int, *, task_status: anyio.abc.TaskStatus[int]) -> None:
        names.append(anyio.get_current_task().name)
        task_status.started(value)

    async with aio.create_task_group() as tasks:
        assert await tasks.start(ready, 7) == 7
        assert await tasks.start(ready, 8, name="named") == 8
        tasks.cancel_scope.cancel()
    plain: list[str | None] = []
    async with anyio.create_task_group() as anyios:
        assert await anyios.start(ready, 7) == 7
    assert names[0] == names[2]
    assert names[1] == "named"
    assert plain == []


async def test_an_error_in_a_child_comes_out_of_the_group(codes: Codes) -> None:
    async def fails() -> None:
        raise KeyError

    with pytest.raises(ExceptionGroup) as caught:
        async with aio.create_task_group() as tasks:
            tasks.start_soon(fails)
    assert isinstance(caught.value.exceptions[0], KeyError)
    assert codes() == []


async def test_an_event_made_before_anybody_watched_is_known_to_all() -> None:
    lock, ready = aio.Lock(name="lock"), aio.Event(name="ready")

    async def loader() -> None:
        await passing(lock)
        ready.set()

    async def handler() -> None:
        async with lock:
            await ready.wait()

    with aio.watching() as validator:
        await in_turn(loader, handler)
    assert [finding.code for finding in validator.findings] == ["NOVA101"]
