"""anyio's task groups, instrumented: leaving one waits for the end of every task in it."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio.abc import TaskStatus

from nova_async.lockdep.aio import watch
from nova_async.lockdep.aio.tracked import has_deadline
from nova_async.lockdep.joins import Join

T = TypeVar("T")


class TaskGroup:
    """An anyio task group that tells whoever watches; what is not here is anyio's own."""

    def __init__(self) -> None:
        self._inner = anyio.create_task_group()
        self._join = Join(watch.active.validator) if watch.active is not None else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._join is None:
            return await self._inner.__aexit__(kind, error, trace)
        with self._join.wait(ends=has_deadline()):
            return await self._inner.__aexit__(kind, error, trace)

    def start_soon(self, func: Callable[..., Awaitable[Any]], *args: object, name: object = None) -> Any:
        """Start a task."""
        return self._inner.start_soon(self._run, func, args, name=_name(func, name))

    async def start(self, func: Callable[..., Awaitable[Any]], *args: object, name: object = None) -> Any:
        """Start a task and wait until it says that it is ready."""
        return await self._inner.start(self._run_to_ready, func, args, name=_name(func, name))

    async def _run(self, func: Callable[..., Awaitable[T]], args: tuple[object, ...]) -> T:
        join = self._join
        if join is None:
            return await func(*args)
        return await _within(join, func(*args))

    async def _run_to_ready(
        self, func: Callable[..., Awaitable[T]], args: tuple[object, ...], *, task_status: TaskStatus[Any]
    ) -> T:
        join = self._join
        if join is None:
            return await func(*args, task_status=task_status)
        return await _within(join, func(*args, task_status=task_status))


async def _within(join: Join, work: Awaitable[T]) -> T:
    join.begin()
    try:
        return await work
    finally:
        join.end()


def _name(func: Callable[..., Any], name: object) -> object:
    """The name that anyio would give the task; it shall not be that of our wrapper."""
    if name is not None:
        return name
    module, qualname = getattr(func, "__module__", None), getattr(func, "__qualname__", None)
    return ".".join(part for part in (module, qualname) if part)


def create_task_group() -> TaskGroup:
    """A task group, as :func:`anyio.create_task_group` makes them."""
    return TaskGroup()
