"""What nobody could choose the order of is refused, with what to do instead."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import anyio
import pytest

from nova_async.errors import UsageError
from nova_async.explore import explore
from nova_async.explore.refused import INSTEAD


async def in_a_thread() -> None:
    await anyio.to_thread.run_sync(print)


async def in_a_process() -> None:
    await anyio.run_process(["true"])


async def over_a_socket() -> None:
    await anyio.connect_tcp("localhost", 1)


async def in_an_executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, print)


async def in_real_time() -> None:
    time.sleep(0)  # noqa: ASYNC251  it is what must be refused


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (in_a_thread, "a thread cannot be explored.*model the thread as a task"),
        (in_a_process, "subprocess_exec.*model the process as a task"),
        (over_a_socket, "getaddrinfo.*memory object stream"),
        (in_an_executor, "run_in_executor.*model the thread as a task"),
        (in_real_time, "time.sleep.*virtual time"),
    ],
)
def test_real_concurrency_is_refused_by_name(program: Callable[[], Awaitable[None]], message: str) -> None:
    result = explore(program, strategy="dfs")
    (failure,) = result.failures
    assert failure.message.startswith("Uncontrolled: ")
    with pytest.raises(UsageError, match=message):
        raise UsageError(failure.message)


def test_every_refused_call_says_what_to_use_instead() -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        for name, instead in INSTEAD.items():
            with pytest.raises(UsageError, match=rf"loop\.{name}\(\) cannot be explored") as refused:
                getattr(loop, name)()
            assert instead in str(refused.value)

    assert explore(program, strategy="dfs").ok


def test_threads_and_sleep_work_again_afterwards() -> None:
    started, sleep = threading.Thread.start, time.sleep
    explore(in_real_time, strategy="dfs")
    assert (threading.Thread.start, time.sleep) == (started, sleep)


def test_exploring_inside_a_running_loop_is_refused() -> None:
    async def outer() -> None:
        explore(in_real_time, strategy="dfs")

    with pytest.raises(UsageError, match="running event loop"):
        anyio.run(outer)
