"""Programs for the explorer on the kernel's own locks, with the checker on."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from nova_async.explore.programs import Program, Task, together
from nova_async.kernel import Mutex
from nova_async.lockdep import Tasks, Validator
from nova_async.lockdep.aio import AsyncioTasks

Group = Callable[..., Coroutine[Any, Any, None]]
"""Runs the tasks it is given until all have ended."""


async def in_anyio_group(*tasks: Task) -> None:
    """As :func:`together`, in anyio's task group."""
    async with anyio.create_task_group() as group:
        for number, task in enumerate(tasks):
            group.start_soon(task, name=f"t{number}")


def mutex_counter(
    tasks: int, rounds: int, lockdep: Callable[[Tasks], Validator] = Validator, group: Group = together
) -> Program:
    """Each task takes a :class:`nova_async.kernel.Mutex` and counts what it guards, so many times.

    Args:
        tasks: how many.
        rounds: of each.
        lockdep: makes the validator, once for each execution.
        group: runs the tasks.
    """

    async def program() -> None:
        mutex = counter_mutex(lockdep(AsyncioTasks()))

        async def task() -> None:
            for _ in range(rounds):
                async with mutex.lock() as guard:
                    guard.data[0] += 1

        await group(*[task] * tasks)

    return program


def counter_mutex(lockdep: Validator) -> Mutex[list[int]]:
    """A mutex with a number that tasks raise without looking at it, so that it tells no two states of a task apart."""
    return Mutex(lockdep, lockdep.lock("counter"), [0], told=False)
