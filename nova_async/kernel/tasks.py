"""Who is running, on either backend, for the validator's held stacks."""

import asyncio
from collections.abc import Hashable

import trio

from nova_async.errors import UsageError
from nova_async.lockdep import Tasks


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


def tasks_of(backend: str) -> Tasks:
    """The tasks of ``asyncio`` or ``trio``.

    Raises:
        UsageError: there is no such backend.
    """
    backends: dict[str, type[Tasks]] = {"asyncio": AsyncioTasks, "trio": TrioTasks}
    if backend not in backends:
        raise UsageError.unknown("backend", backend, backends)
    return backends[backend]()
