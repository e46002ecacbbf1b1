"""The fixture ``nova_world``."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import sniffio

from nova_async.findings import Finding
from nova_async.point import explored
from nova_async.scenario.watchdog import watch
from nova_async.scenario.world import World


class Worlds:
    """Makes worlds on whichever event loop the test runs, for the length of an ``async with`` each.

    Args:
        name: of the test.
        seed: of every world.
        kill: patterns of the names of clients that may be killed, where a strategy chooses.

    Attributes:
        made: the worlds of the present execution.
    """

    def __init__(self, name: str, seed: int, kill: Sequence[str] = ()) -> None:
        self.name = name
        self.seed = seed
        self.kill = tuple(kill)
        self.made: list[World] = []

    def __call__(self) -> AbstractAsyncContextManager[World]:
        """A new world; what was deadlocked in it ends with a finding instead of hanging."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[World]:
        backend = "asyncio" if explored() else sniffio.current_async_library()
        world = World(scenario=self.name, seed=self.seed, backend=backend, kill=self.kill)
        self.made.append(world)
        if explored():
            async with world:
                yield world
            return
        try:
            async with anyio.create_task_group() as watchers:
                watchers.start_soon(watch, world, name="watchdog")
                async with world:
                    yield world
                watchers.cancel_scope.cancel()
        except BaseExceptionGroup as group:  # of the test's one error, which nobody wrote a task group for
            raise group.exceptions[0] if len(group.exceptions) == 1 else group from None

    @property
    def findings(self) -> list[Finding]:
        """What was found in all of them so far."""
        return [finding for world in self.made for finding in world.findings]
