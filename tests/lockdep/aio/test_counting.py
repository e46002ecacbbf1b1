from collections.abc import Callable

import anyio
import pytest

from nova_async.lockdep import Validator, aio

Codes = Callable[[], list[str]]


async def both_orders(one: anyio.Semaphore | anyio.CapacityLimiter, lock: anyio.Lock) -> None:
    async with one, lock:
        pass
    async with lock, one:
        pass


async def test_a_semaphore_of_one_is_a_lock(codes: Codes) -> None:
    await both_orders(aio.Semaphore(1, name="one"), aio.Lock(name="lock"))
    assert codes() == ["NOVA101"]


async def test_a_semaphore_of_more_gives_no_order(codes: Codes) -> None:
    await both_orders(aio.Semaphore(2, name="two"), aio.Lock(name="lock"))
    assert codes() == []


async def test_a_semaphore_may_be_released_by_another_and_is_no_lock_then(codes: Codes) -> None:
    semaphore, lock = aio.Semaphore(1, max_value=1, name="baton"), aio.Lock(name="lock")

    async def passes_on() -> None:
        semaphore.release()

    await semaphore.acquire()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(passes_on)
    await both_orders(semaphore, lock)
    assert codes() == []


async def test_a_task_may_end_with_a_semaphore(codes: Codes) -> None:
    semaphore = aio.Semaphore(1, name="baton")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(semaphore.acquire)
    semaphore.release()
    assert codes() == []


async def test_a_semaphore_of_none_is_an_event(watched: Validator, codes: Codes) -> None:
    semaphore, lock = aio.Semaphore(0, name="items"), aio.Lock(name="lock")

    async def takes() -> None:
        await anyio.wait_all_tasks_blocked()
        async with lock:
            await semaphore.acquire()

    async def gives() -> None:
        async with lock:
            pass
        semaphore.release()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(gives, name="gives")
        tasks.start_soon(takes, name="takes")
    assert codes() == ["NOVA101"]
    assert watched.findings[0].locks == ("lock", "items")
    assert semaphore.value == 0


async def test_a_semaphore_of_more_is_no_event_to_be_stuck_on(codes: Codes) -> None:
    semaphore, lock = aio.Semaphore(2, name="two"), aio.Lock(name="lock")

    async def gives() -> None:
        async with lock:
            pass
        semaphore.release()

    async def takes() -> None:
        await anyio.wait_all_tasks_blocked()
        async with lock:
            await semaphore.acquire()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(gives)
        tasks.start_soon(takes)
    assert codes() == []


async def test_who_got_a_permit_has_heard_of_others(codes: Codes) -> None:
    semaphore, lock, done = aio.Semaphore(2, name="two"), aio.Lock(name="lock"), aio.Event(name="done")

    async def signals() -> None:
        await semaphore.acquire()
        await semaphore.acquire()
        async with lock:
            pass
        done.set()
        semaphore.release()

    async def waits() -> None:
        await anyio.wait_all_tasks_blocked()
        await semaphore.acquire()
        async with lock:
            await done.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits)
        tasks.start_soon(signals)
    assert codes() == []


async def test_semaphores_keep_their_numbers(watched: Validator) -> None:
    semaphore = aio.Semaphore(2, max_value=2, name="two")
    semaphore.acquire_nowait()
    assert (semaphore.value, semaphore.max_value, semaphore.statistics().tasks_waiting) == (1, 2, 0)
    semaphore.release()
    with pytest.raises(ValueError, match="too many times"):
        semaphore.release()
    with pytest.raises(ValueError, match="initial"):
        aio.Semaphore(-1)


async def test_a_limiter_of_one_is_a_lock(codes: Codes) -> None:
    await both_orders(aio.CapacityLimiter(1, name="one"), aio.Lock(name="lock"))
    assert codes() == ["NOVA101"]


async def test_a_limiter_of_more_gives_no_order(codes: Codes) -> None:
    await both_orders(aio.CapacityLimiter(2, name="two"), aio.Lock(name="lock"))
    assert codes() == []


async def test_a_limiter_that_grows_gives_no_order_from_then_on(codes: Codes) -> None:
    limiter = aio.CapacityLimiter(1, name="grows")
    async with limiter:
        pass
    limiter.total_tokens = 5
    await both_orders(limiter, aio.Lock(name="lock"))
    assert codes() == []


@pytest.mark.parametrize("tokens", [1, 3])
async def test_a_task_that_ends_with_a_token_is_told(codes: Codes, tokens: int) -> None:
    limiter = aio.CapacityLimiter(tokens, name="limiter")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(limiter.acquire)
    assert codes() == ["NOVA104"]


async def test_a_limiter_keeps_its_numbers(codes: Codes) -> None:
    limiter = aio.CapacityLimiter(3, name="limiter")
    limiter.acquire_nowait()
    await limiter.acquire_on_behalf_of("somebody")
    limiter.acquire_on_behalf_of_nowait("another")
    assert (limiter.total_tokens, limiter.borrowed_tokens, limiter.available_tokens) == (3, 3, 0)
    assert limiter.statistics().borrowed_tokens == 3
    for borrower in ("somebody", "another"):
        limiter.release_on_behalf_of(borrower)
    limiter.release()
    with pytest.raises(RuntimeError):
        limiter.release()
    assert codes() == ["NOVA103"]
