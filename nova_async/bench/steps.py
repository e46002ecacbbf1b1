"""What one step costs, and what it costs to start an execution: ours, the floor, and asyncio as it is."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from nova_async.bench.figure import Goal, Samples
from nova_async.bench.floor import bare_counter, bare_steps, send_only, walk_many
from nova_async.bench.mutexes import Group, in_anyio_group
from nova_async.bench.turns import Turn, Values, seconds_of
from nova_async.explore import explore
from nova_async.explore.primitives import Lock
from nova_async.explore.programs import Program, together

STEP, START = "ns/step", "µs/start"
ROUNDS = 100
"""Steps of each task in a long execution; peers.md section 7 takes as many."""
TASKS = (1, 3, 10, 30)
REPEATS = 60
STEP_TASKS = 3
STEP_GOAL = 5.0

OURS = "controlled loop, random"
IN_ANYIO = "controlled loop, random, anyio's task group"
BARE = "bare"
SEND = "bare send, without bookkeeping"
ASYNCIO = "asyncio, sleep(0)"

COMPARISONS = {OURS: BARE, IN_ANYIO: BARE, SEND: BARE, ASYNCIO: BARE}

Execute = Callable[[int, int, int], None]
"""Runs tasks of so many rounds, so often."""


def turns() -> Iterator[Turn]:
    """Everybody with every number of tasks."""
    for tasks in TASKS:
        for name, execute in CONTENDERS.items():
            yield Turn(name, tasks, partial(cost, execute, tasks))


def cost(execute: Execute, tasks: int) -> Values:
    """A step is what a long execution takes beyond one that ends at once."""
    repeats = max(2, REPEATS // tasks)
    start = seconds_of(lambda: execute(tasks, 0, repeats)) / repeats
    whole = seconds_of(lambda: execute(tasks, ROUNDS, repeats)) / repeats
    return {STEP: (whole - start) / (tasks * ROUNDS) * 1e9, START: start * 1e6}


def lock_counter(tasks: int, rounds: int, group: Group = together) -> Program:
    """As :func:`nova_async.explore.programs.counter`, with the number in a list as in :func:`bare_counter`."""

    async def program() -> None:
        lock = Lock("lock")
        count = [0]

        async def task() -> None:
            for _ in range(rounds):
                async with lock:
                    count[0] += 1

        await group(*[task] * tasks)

    return program


def _controlled(tasks: int, rounds: int, repeats: int) -> None:
    explore(lock_counter(tasks, rounds), strategy="random", max_executions=repeats)


def _in_anyio(tasks: int, rounds: int, repeats: int) -> None:
    program = lock_counter(tasks, rounds, in_anyio_group)
    explore(program, strategy="random", max_executions=repeats)


def _bare(tasks: int, rounds: int, repeats: int) -> None:
    walk_many(bare_counter(tasks, rounds), repeats)


def _send(tasks: int, rounds: int, repeats: int) -> None:
    send_only(bare_steps(tasks, rounds), repeats)


def _asyncio(tasks: int, rounds: int, repeats: int) -> None:
    async def task() -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def program() -> None:
        for _ in range(repeats):
            await together(*[task] * tasks)

    asyncio.run(program())


CONTENDERS: Mapping[str, Execute] = {
    OURS: _controlled,
    IN_ANYIO: _in_anyio,
    BARE: _bare,
    SEND: _send,
    ASYNCIO: _asyncio,
}


def goals(samples: Samples) -> Iterator[Goal]:
    """A step is not much more than what nobody can do without."""
    ratio = samples.ratio(OURS, BARE, STEP_TASKS, STEP)
    if ratio is not None:
        yield ratio.goal(
            f"step of {STEP_TASKS} tasks: controlled loop over bare send with the same bookkeeping", STEP_GOAL
        )
