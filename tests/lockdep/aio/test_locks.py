from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.lockdep import NullValidator, Validator, aio
from nova_async.lockdep.aio import watch

Codes = Callable[[], list[str]]


async def nested(*locks: anyio.Lock) -> None:
    for lock in locks:
        await lock.acquire()
    for lock in reversed(locks):
        lock.release()


async def test_two_locks_in_both_orders_are_found(codes: Codes, watched: Validator) -> None:
    cache = aio.Lock()
    database = aio.Lock()
    await nested(cache, database)
    await nested(database, cache)
    assert codes() == ["NOVA101"]
    (finding,) = watched.findings
    assert [name.partition(" ")[0] for name in finding.locks] == ["database", "cache"]


async def test_the_report_names_the_task_and_the_line(watched: Validator) -> None:
    one, other = aio.Lock(name="one"), aio.Lock(name="other")

    async def backwards() -> None:
        async with other, one:
            pass

    await nested(one, other)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backwards, name="backwards")
    (finding,) = watched.findings
    assert finding.tasks[0] == "backwards"
    assert finding.held[0].sites[0].file == "tests/lockdep/aio/test_locks.py"
    assert finding.held[0].sites[0].function.endswith("backwards")


async def test_a_lock_tried_without_waiting_is_no_order(codes: Codes) -> None:
    first, second = aio.Lock(name="first"), aio.Lock(name="second")
    await nested(first, second)
    async with second:
        first.acquire_nowait()
        first.release()
    assert codes() == []


async def test_a_lock_that_is_taken_refuses_to_be_tried(codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def tries() -> None:
        with pytest.raises(anyio.WouldBlock):
            lock.acquire_nowait()

    async with lock:
        assert lock.locked()
        assert lock.statistics().locked
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tries)
    assert not lock.locked()
    assert codes() == []


async def test_waiting_in_vain_leaves_nothing_behind(watched: Validator, codes: Codes) -> None:
    lock, other = aio.Lock(name="lock"), aio.Lock(name="other")

    async def gives_up() -> None:
        with anyio.move_on_after(0):
            await lock.acquire()
        assert watched.held() == ()
        await nested(other)

    async with lock, anyio.create_task_group() as tasks:
        tasks.start_soon(gives_up)
    assert codes() == []


async def test_taking_a_lock_twice_is_told_and_refused(codes: Codes) -> None:
    lock = aio.Lock(name="lock")
    async with lock:
        with pytest.raises(RuntimeError):
            await lock.acquire()
    assert codes() == ["NOVA102"]


async def test_letting_go_what_another_holds_is_told_and_refused(watched: Validator, codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def thief() -> None:
        with pytest.raises(RuntimeError):
            lock.release()

    async with lock:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(thief, name="thief")
        assert [held.lock.instance for held in watched.held()] == ["lock"]
    assert codes() == ["NOVA103"]
    assert watched.findings[0].message == "thief: releases lock, which it does not hold"


@pytest.mark.parametrize("instrumented", [True, False])
async def test_a_task_that_ends_with_a_lock_is_told(watched: Validator, codes: Codes, instrumented: bool) -> None:
    lock = aio.Lock(name="lock")

    async def keeps() -> None:
        await lock.acquire()

    async with aio.create_task_group() if instrumented else anyio.create_task_group() as tasks:
        tasks.start_soon(keeps, name="keeps")
    assert codes() == ["NOVA104"]
    assert watched.findings[0].message == "keeps: ended while it holds lock"


async def test_a_task_that_is_cancelled_with_a_lock_is_told(codes: Codes) -> None:
    lock = aio.Lock(name="lock")

    async def keeps() -> None:
        await lock.acquire()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeps)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert codes() == ["NOVA104"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_main_task_is_no_exception(backend: str) -> None:
    lock = aio.Lock(name="lock")
    with aio.watching() as validator:
        anyio.run(lock.acquire, backend=backend)
    assert [finding.code for finding in validator.findings] == ["NOVA104"]


async def test_contention_is_kept_apart_from_holding(watched: Validator) -> None:
    lock = aio.Lock(name="lock")
    waited_for = []

    async with anyio.create_task_group() as tasks, lock:
        tasks.start_soon(nested, lock, name="second")
        await anyio.wait_all_tasks_blocked()
        waited_for = [watched.waits_for(task) for task in watched._waiting]
    assert [each.instance for each in waited_for if each] == ["lock"]


async def test_while_nobody_watches_they_are_plain_locks() -> None:
    lock = aio.Lock()
    await nested(lock)
    async with lock:
        assert lock.locked()


async def test_a_lock_taken_before_anybody_watched_is_let_go_in_silence() -> None:
    lock, event = aio.Lock(), aio.Event()
    await lock.acquire()
    with aio.watching() as validator:
        lock.release()
        event.set()
        await event.wait()
        await nested(lock)
    assert validator.findings == []


async def test_a_lock_kept_from_one_watch_to_the_next_is_let_go_in_silence() -> None:
    lock = aio.Lock()
    with aio.watching():
        await lock.acquire()
    with aio.watching() as validator:
        lock.release()
        await nested(lock)
    assert validator.findings == []


def test_only_one_can_watch() -> None:
    with aio.watching(), pytest.raises(RuntimeError, match="already"), aio.watching():
        pass


async def test_a_null_validator_hears_nothing() -> None:
    one, other = aio.Lock(name="one"), aio.Lock(name="other")
    with aio.watching(NullValidator()) as validator:
        await nested(one, other)
        await nested(other, one)
        assert watch.active is None
    assert validator.findings == []


@dataclass
class Account:
    lock: aio.Lock = field(default_factory=lambda: aio.Lock())


class Pool:
    def __init__(self) -> None:
        self.lock = aio.Lock()


async def test_locks_made_in_one_place_are_one_class(watched: Validator) -> None:
    first, second = Account(), Account()
    await nested(first.lock, second.lock)
    (finding,) = watched.findings
    assert finding.code == "NOVA102"
    assert [name.partition("#")[2] for name in finding.locks] == ["", "2"]


async def test_two_locks_made_on_one_line_are_two_classes(watched: Validator, codes: Codes) -> None:
    first, second = aio.Lock(), aio.Lock()
    await nested(first, second)
    assert codes() == []
    names = [edge.taken.name for edge in watched.graph.edges() if "test_locks" in edge.taken.name]
    assert [name.rpartition(", ")[2] for name in names] == ["column 33"]


async def test_a_class_is_named_for_the_attribute(watched: Validator) -> None:
    pool = Pool()
    async with pool.lock:
        (held,) = watched.held()
    name, _, place = held.lock.instance.partition(" ")
    assert name == "Pool.lock"
    assert place.startswith("(tests/lockdep/aio/test_locks.py:")


@pytest.mark.parametrize("kind", ["Lock", "Event", "Condition", "Semaphore", "CapacityLimiter"])
def test_all_that_anyios_have_ours_have(kind: str) -> None:
    theirs, ours = getattr(anyio, kind), getattr(aio, kind)
    assert issubclass(ours, theirs)
    inherited = {"__aenter__", "__aexit__", "wait_for", "acquire", "acquire_nowait", "release", "locked", "statistics"}
    for name in vars(theirs):
        if not name.startswith("_"):
            assert name in vars(ours) or (kind == "Condition" and name in inherited), name


async def test_a_condition_is_a_lock(codes: Codes) -> None:
    condition, lock = aio.Condition(name="condition"), aio.Lock(name="lock")
    async with condition, lock:
        pass
    async with lock, condition:
        assert condition.locked()
    assert codes() == ["NOVA101"]


async def test_waiting_for_a_condition_without_another_lock_is_no_alarm(watched: Validator, codes: Codes) -> None:
    condition = aio.Condition(name="condition")
    ready: list[int] = []

    async def waits() -> None:
        async with condition:
            await condition.wait_for(lambda: ready)
            assert [held.lock.instance for held in watched.held()] == ["condition"]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        async with condition:
            ready.append(1)
            condition.notify_all()
    assert codes() == []


async def test_a_condition_awaited_under_a_lock_that_the_notifier_takes_is_found(
    watched: Validator, codes: Codes
) -> None:
    condition, lock = aio.Condition(name="condition"), aio.Lock(name="lock")
    waiting = anyio.Event()

    async def waits() -> None:
        await waiting.wait()
        async with lock, condition:
            await condition.wait()

    async def notifies() -> None:
        await nested(lock)
        waiting.set()
        await anyio.wait_all_tasks_blocked()
        async with condition:
            condition.notify()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits, name="waits")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(notifies, name="notifies")
    assert codes() == ["NOVA101"]
    assert watched.findings[0].message == (
        "waits waits for condition while holding lock, and notifies takes lock before it signals condition"
    )


async def test_a_condition_can_use_a_plain_lock() -> None:
    condition = aio.Condition(anyio.Lock())
    with aio.watching() as validator:
        async with condition:
            condition.notify()
            with anyio.move_on_after(0):
                await condition.wait()
        await checkpoint()
    assert validator.findings == []
