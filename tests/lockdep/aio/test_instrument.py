from collections.abc import Callable

import anyio
import pytest

from nova_async.errors import EINVAL
from nova_async.lockdep import Mode, Validator, aio

Codes = Callable[[], list[str]]


@aio.instrument(acquire="lock", release="unlock", acquire_nowait="try_lock")
class FileLock:
    """As a program might have: it cannot wait, and its release is a coroutine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.taken = False

    async def lock(self, *, patient: bool = True) -> bool:
        """Get it."""
        got = patient and not self.taken
        self.taken = self.taken or got
        return got

    def try_lock(self) -> bool:
        got, self.taken = not self.taken, True
        return got

    async def unlock(self) -> str:
        self.taken = False
        return self.path


@aio.instrument(acquire="read", release="done_reading", mode=Mode.RECURSIVE_READ, name="table")
@aio.instrument(acquire="write", release="done_writing", name="table")
class Table:
    async def read(self) -> None: ...

    def done_reading(self) -> None: ...

    async def write(self) -> None: ...

    def done_writing(self) -> None: ...


@aio.instrument_event(wait="result", signal="set_result", once=True, name="future")
class Future:
    def __init__(self) -> None:
        self.event = anyio.Event()

    async def result(self) -> int:
        await self.event.wait()
        return 3

    def set_result(self) -> None:
        self.event.set()


async def test_a_lock_of_ones_own_is_checked(watched: Validator, codes: Codes) -> None:
    index = FileLock("index")
    data = FileLock("data")
    for first, second in ((index, data), (data, index)):
        assert await first.lock()
        assert await second.lock()
        assert await second.unlock() == second.path
        await first.unlock()
    assert codes() == ["NOVA101"]
    assert [name.partition(" ")[0] for name in watched.findings[0].locks] == ["data", "index"]


async def test_a_lock_that_was_not_got_is_not_held(watched: Validator, codes: Codes) -> None:
    lock = FileLock("file")
    assert not await lock.lock(patient=False)
    assert watched.held() == ()
    assert lock.try_lock()
    assert not lock.try_lock()
    assert len(watched.held()) == 1
    await lock.unlock()
    assert codes() == []


async def test_a_release_too_many_is_told(codes: Codes) -> None:
    await FileLock("file").unlock()
    assert codes() == ["NOVA103"]


async def test_what_was_taken_before_anybody_watched_is_no_release_too_many() -> None:
    lock = FileLock("file")
    await lock.lock()
    with aio.watching() as validator:
        await lock.unlock()
    assert validator.findings == []


async def test_readers_and_writers_are_one_lock(codes: Codes) -> None:
    table, lock = Table(), aio.Lock(name="lock")

    async def reads_inside() -> None:
        async with lock:
            await table.read()
            table.done_reading()

    async def reads_outside() -> None:
        await table.read()
        async with lock:
            table.done_reading()

    await reads_inside()
    await reads_outside()
    assert codes() == []
    await table.write()
    async with lock:
        table.done_writing()
    assert codes() == ["NOVA101"]


async def test_an_event_of_ones_own_is_checked(codes: Codes) -> None:
    lock, future = aio.Lock(name="lock"), Future()

    async def sets() -> None:
        async with lock:
            pass
        future.set_result()

    async def waits() -> None:
        await anyio.wait_all_tasks_blocked()
        async with lock:
            assert await future.result() == 3

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sets)
        tasks.start_soon(waits)
    assert codes() == ["NOVA101"]


def test_a_method_that_is_not_there_is_named() -> None:
    with pytest.raises(EINVAL, match="Table: it has no method 'lock'"):
        aio.instrument(acquire="lock", release="unlock")(Table)


def test_what_is_wrapped_keeps_its_name() -> None:
    assert FileLock.lock.__doc__ == "Get it."
    assert FileLock.lock.__name__ == "lock"
