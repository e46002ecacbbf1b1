from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import EALREADY, EDEADLK, EINVAL, InternalError
from nova_async.kernel import Kernel, WwClass, WwContext, WwGuard, WwMutex
from nova_async.lockdep.ww import Algorithm


async def settle() -> None:
    for _ in range(10):
        await checkpoint()


async def hold(cls: WwClass, *mutexes: WwMutex[None]) -> tuple[WwContext, list[WwGuard[None]]]:
    """A transaction that has begun, and has these."""
    context = cls.transaction(f"holder of {len(mutexes)}")
    await context.__aenter__()
    return context, [await mutex.lock(context) for mutex in mutexes]


async def end(context: WwContext, guards: Sequence[WwGuard[None]]) -> None:
    for guard in guards:
        guard.unlock()
    await context.__aexit__(None, None, None)


@asynccontextmanager
async def held_by_another(cls: WwClass, mutex: WwMutex[None]) -> AsyncIterator[None]:
    """An older transaction, of another task, has it."""
    go, has_it = anyio.Event(), anyio.Event()

    async def holder() -> None:
        context, guards = await hold(cls, mutex)
        has_it.set()
        await go.wait()
        await end(context, guards)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holder)
        await has_it.wait()
        yield
        go.set()


async def test_the_younger_backs_off_from_what_an_older_one_has(kernel: Kernel) -> None:
    cls = WwClass(kernel.lockdep, "ww", Algorithm.WAIT_DIE)
    first, second = cls.mutex("first", None), cls.mutex("second", None)
    async with held_by_another(cls, first):
        younger, young = await hold(cls, second)
        with pytest.raises(EDEADLK, match="first"):
            await first.lock(younger)
        assert younger.contended is first
        young.pop().unlock()
    young = [await first.lock_slow(younger)]
    assert younger.contended is not first
    await end(younger, young)
    assert kernel.lockdep.findings == []


async def test_a_transaction_without_locks_waits_and_does_not_back_off(cls: WwClass) -> None:
    mutex = cls.mutex("wanted", None)
    older, old = await hold(cls, mutex)
    got: list[str] = []

    async def wait() -> None:
        async with cls.transaction("younger") as younger:
            with await mutex.lock(younger):
                got.append("it")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await settle()
        assert not got
        await end(older, old)
    assert got == ["it"]


async def test_an_older_one_that_joins_the_line_sends_the_younger_waiters_with_locks_away(kernel: Kernel) -> None:
    cls = WwClass(kernel.lockdep, "ww", Algorithm.WAIT_DIE)
    wanted, other = cls.mutex("wanted", None), cls.mutex("other", None)
    oldest = cls.transaction("oldest")
    await oldest.__aenter__()
    middle, middles = await hold(cls, other)
    youngest, youngests = await hold(cls, wanted)
    log: list[str] = []

    async def middle_waits() -> None:
        with pytest.raises(EDEADLK):
            await wanted.lock(middle)
        log.append("middle backs off")
        await end(middle, middles)

    async def oldest_waits() -> None:
        guard = await wanted.lock(oldest)
        log.append("oldest has it")
        await end(oldest, [guard])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(middle_waits)
        await settle()
        assert not log  # older than the owner: it waits
        tasks.start_soon(oldest_waits)
        await settle()
        assert log == ["middle backs off"]
        await end(youngest, youngests)
    assert log == ["middle backs off", "oldest has it"]


async def test_who_waits_gets_the_lock_by_age_and_not_by_arrival(cls: WwClass) -> None:
    mutex = cls.mutex("wanted", None)
    contexts = [cls.transaction(name) for name in ("oldest", "middle", "youngest")]
    got: list[str] = []

    async def wait(context: WwContext) -> None:
        with await mutex.lock(context):
            got.append(context.name)
        await context.__aexit__(None, None, None)

    async with anyio.create_task_group() as tasks:
        for context in contexts:
            await context.__aenter__()
        with await mutex.lock():
            for context in reversed(contexts):
                tasks.start_soon(wait, context)
                await settle()
    assert got == ["oldest", "middle", "youngest"]


async def test_nobody_overtakes_a_waiter_without_a_transaction_who_came_first(cls: WwClass) -> None:
    mutex = cls.mutex("wanted", None)
    context = cls.transaction("transaction")
    await context.__aenter__()
    got: list[str] = []

    async def wait(context: WwContext | None) -> None:
        with await mutex.lock(context):
            got.append(context.name if context else "nobody's")

    async with anyio.create_task_group() as tasks:
        with await mutex.lock():
            for each in (None, context, None):
                tasks.start_soon(wait, each)
                await settle()
        await settle()
    await context.__aexit__(None, None, None)
    assert got == ["nobody's", "transaction", "nobody's"]


async def test_a_wounded_transaction_backs_off_where_it_waits(kernel: Kernel) -> None:
    cls = WwClass(kernel.lockdep, "ww", Algorithm.WOUND_WAIT)
    first, second = cls.mutex("first", None), cls.mutex("second", None)
    older, old = await hold(cls, first)
    younger, young = await hold(cls, second)
    log: list[str] = []

    async def younger_waits() -> None:
        with pytest.raises(EDEADLK):
            await first.lock(younger)
        log.append("younger backs off")
        await end(younger, young)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(younger_waits)
        await settle()
        assert not log  # under wound-wait the younger one waits as long as nobody wants what it has
        old.append(await second.lock(older))
        assert log == ["younger backs off"]
    await end(older, old)


async def test_a_lock_that_the_transaction_has_is_refused(cls: WwClass) -> None:
    mutex = cls.mutex("twice", None)
    context, guards = await hold(cls, mutex)
    with pytest.raises(EALREADY, match="twice"):
        await mutex.lock(context)
    await end(context, guards)


async def test_a_transaction_of_another_class_is_refused(kernel: Kernel, cls: WwClass) -> None:
    other = WwClass(kernel.lockdep, "other")
    async with other.transaction("foreign") as context:
        with pytest.raises(EINVAL, match="foreign"):
            await cls.mutex("mine", None).lock(context)


async def test_a_transaction_that_has_not_begun_locks_nothing(cls: WwClass) -> None:
    with pytest.raises(InternalError, match="early"):
        await cls.mutex("mine", None).lock(cls.transaction("early"))


async def test_the_data_is_dead_after_the_unlock(cls: WwClass) -> None:
    mutex = cls.mutex("mine", "data")
    guard = await mutex.lock()
    assert guard.data == "data"
    guard.unlock()
    with pytest.raises(InternalError, match="mine"):
        _ = guard.data


async def test_a_trylock_takes_what_is_free_and_nothing_else(cls: WwClass) -> None:
    mutex = cls.mutex("tried", None)
    guard = await mutex.try_lock()
    assert guard is not None
    assert await mutex.try_lock() is None
    guard.unlock()
    assert not mutex.held
    assert cls.lockdep.findings == []


async def test_two_of_a_class_without_a_transaction_are_found(cls: WwClass) -> None:
    with await cls.mutex("one", None).lock(), await cls.mutex("two", None).lock():
        pass
    assert [finding.code for finding in cls.lockdep.findings] == ["NOVA102"]


async def test_going_on_after_a_back_off_is_found(kernel: Kernel) -> None:
    cls = WwClass(kernel.lockdep, "ww", Algorithm.WAIT_DIE)
    first, second, third = (cls.mutex(name, None) for name in ("first", "second", "third"))
    async with held_by_another(cls, first):
        younger, young = await hold(cls, second)
        with pytest.raises(EDEADLK):
            await first.lock(younger)
        young.append(await third.lock(younger))
        await end(younger, young)
    (finding,) = kernel.lockdep.findings
    assert finding.code == "NOVA103"
    assert "backed off from first" in finding.message
