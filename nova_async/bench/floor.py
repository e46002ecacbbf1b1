"""The floor under every explorer in this language: bare coroutines driven by ``send``.

No event loop, no task objects, no cancellation, nothing that anyio needs. :func:`walk` keeps what any explorer has to:
who holds which lock, who can go on, what was chosen out of what, and whether anybody is stuck.
"""

import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from random import Random
from types import TracebackType
from typing import Any

from nova_async.explore.task import ALWAYS
from nova_async.operation import Kind, Operation

Bare = Coroutine[Operation, None, None]
BareProgram = Callable[[], Sequence[Bare]]


class BareLock:
    """``async with lock``, under :func:`walk`."""

    __slots__ = ("_acquire", "held")

    def __init__(self, name: str) -> None:
        self.held = False
        self._acquire = Operation(Kind.ACQUIRE, name, self._is_free)

    def _is_free(self) -> bool:
        return not self.held

    async def __aenter__(self) -> None:
        await _reach(self._acquire)
        self.held = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.held = False


@types.coroutine
def _reach(operation: Operation) -> Generator[Operation, None, None]:
    yield operation


class _Task:
    __slots__ = ("coroutine", "operation")

    def __init__(self, coroutine: Bare) -> None:
        self.coroutine = coroutine
        self.operation = coroutine.send(None)


class Walked:
    """One walk.

    Attributes:
        chosen: who took each step.
        operations: what each step did.
        runnable: out of whom each was chosen.
        deadlock: whether somebody was left who could not go on.
    """

    __slots__ = ("chosen", "deadlock", "operations", "runnable")

    def __init__(self) -> None:
        self.chosen: list[_Task] = []
        self.operations: list[Operation] = []
        self.runnable: list[list[_Task]] = []
        self.deadlock = False


def walk(program: BareProgram, random: Callable[[], float]) -> Walked:
    """Run a program in a random order, up to its end or until nobody can go on."""
    walked = Walked()
    tasks = _started(program)
    while tasks:
        enabled = [task for task in tasks if task.operation.enabled is ALWAYS or task.operation.enabled()]
        if not enabled:
            walked.deadlock = True
            break
        task = enabled[int(random() * len(enabled))]
        walked.chosen.append(task)
        walked.operations.append(task.operation)
        walked.runnable.append(enabled)
        try:
            task.operation = task.coroutine.send(None)
        except StopIteration:
            tasks.remove(task)
    for task in tasks:
        task.coroutine.close()
    return walked


def _started(program: BareProgram) -> list[_Task]:
    tasks = []
    for coroutine in program():
        try:
            tasks.append(_Task(coroutine))
        except StopIteration:  # it has reached no point
            continue
    return tasks


def walk_many(program: BareProgram, count: int, seed: int = 0) -> None:
    """So many walks."""
    random = Random(seed).random  # noqa: S311  a schedule, not a secret
    for _ in range(count):
        walk(program, random)


def send_only(program: BareProgram, count: int) -> None:
    """Send to every coroutine in turn and keep nothing, so often: what the language itself takes."""
    for _ in range(count):
        tasks: list[Coroutine[Any, Any, None]] = list(program())
        while tasks:
            for task in tuple(tasks):
                try:
                    task.send(None)
                except StopIteration:
                    tasks.remove(task)


def bare_steps(tasks: int, rounds: int) -> BareProgram:
    """Each task reaches so many points that are always enabled."""

    def program() -> Sequence[Bare]:
        operation = Operation(Kind.WRITE, "x")

        async def task() -> None:
            for _ in range(rounds):
                await _reach(operation)

        return [task() for _ in range(tasks)]

    return program


def bare_counter(tasks: int, rounds: int) -> BareProgram:
    """As :func:`nova_async.explore.programs.counter`."""

    def program() -> Sequence[Bare]:
        lock = BareLock("lock")
        count = [0]

        async def task() -> None:
            for _ in range(rounds):
                async with lock:
                    count[0] += 1

        return [task() for _ in range(tasks)]

    return program


def bare_philosophers(n: int) -> BareProgram:
    """As :func:`nova_async.explore.programs.philosophers`."""

    def program() -> Sequence[Bare]:
        forks = [BareLock(f"fork{number}") for number in range(n)]
        meals: list[int] = []

        async def task(number: int) -> None:
            async with forks[number], forks[(number + 1) % n]:
                meals.append(number)

        return [task(number) for number in range(n)]

    return program
