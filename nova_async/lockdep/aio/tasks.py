"""Who is running, on asyncio and on trio."""

import asyncio
from collections.abc import Callable, Hashable

import trio

from nova_async.errors import UsageError
from nova_async.lockdep.books import Tasks

Ended = Callable[[Hashable], None]
"""Called with a task that has ended."""


class AsyncioTasks:
    """The tasks of the running asyncio loop."""

    current = staticmethod(asyncio.current_task)

    @staticmethod
    def name(task: Hashable) -> str:
        """The name that its starter gave it."""
        return task.get_name() if isinstance(task, asyncio.Task) else "main"


class TrioTasks:
    """The tasks of the running trio loop."""

    current = staticmethod(trio.lowlevel.current_task)

    @staticmethod
    def name(task: Hashable) -> str:
        """The name that its starter gave it."""
        return str(task.name) if isinstance(task, trio.lowlevel.Task) else "main"


class AnyTasks:
    """The tasks of whichever loop runs; code outside of both is one task called ``main``."""

    @staticmethod
    def current() -> Hashable:
        """The task that calls."""
        # In trio's guest mode both loops run; then asyncio knows of no task while one of trio's runs.
        if asyncio._get_running_loop() is not None:  # noqa: SLF001  the one way to ask without an exception
            task = asyncio.current_task()
            if task is not None:
                return task
        return _trio_task()

    @staticmethod
    def name(task: Hashable) -> str:
        """The name that its starter gave it."""
        return AsyncioTasks.name(task) if isinstance(task, asyncio.Task) else TrioTasks.name(task)


def _trio_task() -> Hashable:
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


def tasks_of(backend: str) -> Tasks:
    """The tasks of ``asyncio`` or ``trio``.

    Raises:
        UsageError: there is no such backend.
    """
    backends: dict[str, type[Tasks]] = {"asyncio": AsyncioTasks, "trio": TrioTasks}
    if backend not in backends:
        raise UsageError.unknown("backend", backend, backends)
    return backends[backend]()


def at_end(task: Hashable, tell: Ended) -> None:
    """Call ``tell`` once ``task``, which is the one that calls, has ended.

    asyncio's tasks take a callback for that; a trio run has instruments, of which one for all tasks is enough.
    """
    if isinstance(task, asyncio.Task):
        task.add_done_callback(tell)
    elif isinstance(task, trio.lowlevel.Task):
        _ends_of_this_run().tell[task] = tell


class _TaskEnds(trio.abc.Instrument):
    def __init__(self) -> None:
        self.tell: dict[trio.lowlevel.Task, Ended] = {}

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        tell = self.tell.pop(task, None)
        if tell is not None:
            tell(task)


_task_ends: trio.lowlevel.RunVar[_TaskEnds] = trio.lowlevel.RunVar("nova_async.lockdep.task_ends")


def _ends_of_this_run() -> _TaskEnds:
    try:
        return _task_ends.get()
    except LookupError:
        ends = _TaskEnds()
        _task_ends.set(ends)
        trio.lowlevel.add_instrument(ends)
        return ends
