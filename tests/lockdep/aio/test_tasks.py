import asyncio
from typing import Any

import anyio
import pytest
import trio

from nova_async.errors import UsageError
from nova_async.lockdep import aio


async def test_the_running_task_is_known_whatever_runs_it() -> None:
    task = aio.AnyTasks.current()
    assert task is not None
    assert aio.AnyTasks.name(task) == anyio.get_current_task().name


async def test_a_task_is_called_what_its_starter_called_it() -> None:
    names = []

    async def child() -> None:
        names.append(aio.AnyTasks.name(aio.AnyTasks.current()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child, name="worker#3")
    assert names == ["worker#3"]


def test_outside_of_every_loop_there_is_one_task() -> None:
    assert aio.AnyTasks.current() is None
    assert aio.AnyTasks.name(None) == "main"


def test_in_guest_mode_the_task_is_trios() -> None:
    seen: list[object] = []

    async def guest() -> None:
        seen.append(aio.AnyTasks.current())

    async def host() -> None:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=asyncio.get_running_loop().call_soon_threadsafe,
            done_callback=done.set_result,
        )
        (await done).unwrap()

    asyncio.run(host())
    assert isinstance(seen[0], trio.lowlevel.Task)


def test_there_is_no_third_backend() -> None:
    with pytest.raises(UsageError, match="curio"):
        aio.tasks_of("curio")
