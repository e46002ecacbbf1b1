"""The clients of one world, each a task with the client's name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from nova_async.errors import UsageError
from nova_async.kernel import Kernel
from nova_async.point import attending


class Client(Protocol):
    """Somebody who uses the GPU."""

    @property
    def name(self) -> str:
        """Its role and number, the same in every run."""
        ...

    async def run(self) -> None:
        """Do all it came for, and leave nothing behind, also when cancelled."""
        ...


class Crew:
    """Starts clients and can kill them.

    Attributes:
        count: how many were started to end by themselves.
        finished: how many of these have done all they came for.
    """

    def __init__(self, kernel: Kernel, clients: TaskGroup, attendants: TaskGroup) -> None:
        self.finished = 0
        self.count = 0
        self._kernel = kernel
        self._clients = clients
        self._attendants = attendants
        self._scopes: dict[str, anyio.CancelScope] = {}

    def start(self, client: Client) -> None:
        """Start a client that ends by itself."""
        self.count += 1
        self._begin(self._clients, client)

    def attend(self, client: Client) -> None:
        """Start a client that runs until all others are done."""
        token = attending.set(True)
        self._begin(self._attendants, client)
        attending.reset(token)

    def kill(self, name: str) -> None:
        """Cancel a client, wherever it is.

        Raises:
            UsageError: nobody of that name was started.
        """
        if name not in self._scopes:
            raise UsageError.unknown("client", name, self._scopes)
        self._scopes[name].cancel()

    def _begin(self, group: TaskGroup, client: Client) -> None:
        scope = self._scopes[client.name] = anyio.CancelScope()
        group.start_soon(self._run, client, scope, name=client.name)

    async def _run(self, client: Client, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                await client.run()
                self.finished += 1
        finally:
            self._kernel.lockdep.task_ended()


@asynccontextmanager
async def crew(kernel: Kernel) -> AsyncIterator[Crew]:
    """Wait at the end of the block for all clients that end by themselves, then stop the others."""
    async with anyio.create_task_group() as attendants:
        async with anyio.create_task_group() as clients:
            started = Crew(kernel, clients, attendants)
            yield started
            if not started.count:
                raise UsageError("no client was started; a run with nobody in it answers nothing")
        attendants.cancel_scope.cancel()
