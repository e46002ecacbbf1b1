"""Tasks on the controlled loop: their names, their deadlocks, and what becomes of them in the end."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Hashable
from contextvars import ContextVar

import anyio

from nova_async.explore import explore
from nova_async.explore.primitives import Cell, Lock


def test_tasks_have_the_same_names_in_every_order() -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)
        names: list[str] = []

        async def leaf() -> None:
            await x.read()
            names.append(anyio.get_current_task().name or "")

        async def branch() -> None:
            await x.write(1)
            async with anyio.create_task_group() as group:
                group.start_soon(leaf)
                group.start_soon(leaf)

        async with anyio.create_task_group() as group:
            group.start_soon(branch)
            group.start_soon(branch)
            group.start_soon(leaf, name="keeper of x")
        return tuple(sorted(names))

    (outcome,) = explore(program, strategy="dpor").outcomes
    assert outcome == "('branch#2/leaf', 'branch#2/leaf#2', 'branch/leaf', 'branch/leaf#2', 'keeper of x')"


def test_a_deadlock_says_who_waits_for_what() -> None:
    async def program() -> None:
        a, b = Lock("a"), Lock("b")

        async def take(first: Lock, second: Lock) -> None:
            async with first, second:
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(take, a, b, name="one")
            group.start_soon(take, b, a, name="two")

    holders = {"a": "one", "b": "two"}
    (failure,) = explore(program, strategy="dpor", who_holds=holders.get).failures
    assert failure.finding is not None
    assert failure.finding.code == "NOVA401"
    assert failure.message == (
        "nobody can go on: one waits for acquire b, held by two; two waits for acquire a, held by one"
    )


def test_a_deadlock_of_plain_code_names_the_function() -> None:
    async def program() -> None:
        async def forgotten() -> None:
            await anyio.Event().wait()

        async with anyio.create_task_group() as group:
            group.start_soon(forgotten)

    (failure,) = explore(program, strategy="dfs").failures
    assert "forgotten waits for something that is no point" in failure.message
    assert "<locals>.forgotten (line " in failure.message


def test_an_error_of_a_task_nobody_awaits_is_a_failure() -> None:
    async def program() -> None:
        async def fails() -> None:
            raise ValueError("unseen")

        task = asyncio.get_running_loop().create_task(fails())
        await anyio.sleep(1)
        assert task.done()

    (failure,) = explore(program, strategy="dfs").failures
    assert failure.message == "ValueError: unseen"


def test_nothing_survives_an_execution() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    closed: list[str] = []

    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("generator")

    async def left_behind() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            closed.append("task")

    async def program() -> Hashable:
        before = variable.get(), anyio.current_time(), len(asyncio.all_tasks())
        variable.set("set")
        generator = numbers()
        await anext(generator)
        asyncio.get_running_loop().create_task(left_behind())
        asyncio.get_running_loop().call_later(10, closed.append, "timer")
        await anyio.sleep(1)
        return before

    result = explore(program, strategy="random", max_executions=3)
    gc.collect()
    assert result.outcomes == {"('unset', 0.0, 1)": 3}
    assert sorted(closed) == ["generator"] * 3 + ["task"] * 3
