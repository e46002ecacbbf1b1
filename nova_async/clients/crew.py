"""The clients of one world, each a task with the client's name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from nova_async.errors import Errno, UsageError
from nova_async.events import EventKind, trace
from nova_async.explore.continuation import KILLER, LIFE
from nova_async.kernel import Kernel
from nova_async.operation import Kind, Operation
from nova_async.point import alike, forgetting, pick, point, share
from nova_async.runtime import attending


class Client(Protocol):
    """Somebody who uses the GPU."""

    @property
    def name(self) -> str:
        """Its role and number, the same in every run."""
        ...

    async def run(self) -> None:
        """Do all it came for, and leave nothing behind, also when cancelled."""
        ...


class Mortals:
    """Who may be killed by a strategy, at any point.

    Args:
        patterns: of the names of clients.
        kills: how many of them at most; None for all. Who, the strategy decides when they start: so nobody has to look
            how many were killed, and clients who have nothing else in common have not got that in common either.
    """

    def __init__(self, patterns: Sequence[str] = (), kills: int | None = None) -> None:
        self._patterns = tuple(patterns)
        self._left = kills
        self._started: dict[str, None] = {}

    @property
    def any(self) -> bool:
        """Whether anybody may be killed."""
        return bool(self._patterns)

    def admit(self, name: str) -> bool:
        """Whether a client of this name, which is about to start, may be killed."""
        self._started[name] = None
        if not any(fnmatchcase(name, pattern) for pattern in self._patterns):
            return False
        return self._left is None or self._choose_victim()

    def _choose_victim(self) -> bool:
        if not self._left:
            return False
        with forgetting():  # it has a killer or has none
            chosen = bool(pick(2))
        self._left -= chosen
        return chosen

    def check(self) -> None:
        """See that every pattern is the name of somebody.

        Raises:
            UsageError: no client that was started matches one of them.
        """
        for pattern in self._patterns:
            if not any(fnmatchcase(name, pattern) for name in self._started):
                raise UsageError.unknown("client", pattern, self._started)


class Crew:
    """Starts clients and can kill them.

    Attributes:
        count: how many were started to end by themselves.
        finished: how many of these have done all they came for.
    """

    def __init__(self, kernel: Kernel, clients: TaskGroup, attendants: TaskGroup, mortals: Mortals) -> None:
        self._mortals = mortals
        self.finished = 0
        self.count = 0
        self._kernel = kernel
        self._clients = clients
        self._attendants = attendants
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._ended: set[str] = set()

    def start(self, client: Client, *, alike_at: str = "") -> None:
        """Start a client that ends by itself.

        Args:
            client: what it does.
            alike_at: it differs from the others that are started with this in nothing but its name, and comes to this
                resource as they do; see :func:`nova_async.point.alike`. No matter where clients may be killed, or
                something may fail: then they differ.
        """
        self.count += 1
        self._begin(self._clients, client, alike_at)

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
        trace(EventKind.KILLED, name)
        if name not in self._ended:
            share(f"{LIFE}{name}", value=False)  # it may be in a shield, and see nothing of that for a while
        self._scopes[name].cancel()

    def _begin(self, group: TaskGroup, client: Client, alike_at: str = "") -> None:
        scope = self._scopes[client.name] = anyio.CancelScope()
        with self._kernel.faults.starting(client.name):
            group.start_soon(self._run, client, scope, alike_at, name=client.name)
        if self._mortals.admit(client.name):
            self._attendants.start_soon(self._kill_once, client.name, name=f"{KILLER}{client.name}")

    async def _kill_once(self, name: str) -> None:
        """Kill a client as soon as the strategy finds it is time to."""
        await point(Operation(Kind.SIGNAL, f"{LIFE}{name}", lambda: name not in self._ended))
        self.kill(name)

    async def _run(self, client: Client, scope: anyio.CancelScope, alike_at: str) -> None:
        if alike_at and self._kernel.faults.undisturbed and not self._mortals.any:
            alike(alike_at)
        try:
            with scope:
                await client.run()
                self.finished += 1
        except* Errno:  # its own, or that of a task group it has
            # Where a strategy lets operations fail, a client may give up; what it leaves behind is judged.
            if not self._kernel.faults.chosen:
                raise
        finally:
            self._ended.add(client.name)
            share(f"{LIFE}{client.name}", None)
            self._kernel.lockdep.task_ended()


@asynccontextmanager
async def crew(kernel: Kernel, mortals: Mortals) -> AsyncIterator[Crew]:
    """Wait at the end of the block for all clients that end by themselves, then stop the others.

    Args:
        kernel: is told when a client's task ends.
        mortals: the clients that a strategy may kill.
    """
    async with anyio.create_task_group() as attendants:
        async with anyio.create_task_group() as clients:
            started = Crew(kernel, clients, attendants, mortals)
            yield started
            if not started.count:
                raise UsageError("no client was started; a run with nobody in it answers nothing")
        attendants.cancel_scope.cancel()
