"""Work that is cancelled at its first point, its second, and so on, in a fresh world each time."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.mm import Gpu
from nova_async.operation import Operation
from nova_async.point import running_under
from nova_async.runtime import Live
from nova_async.scenario import World

Use = Callable[[Gpu], Awaitable[None]]


class CancelFrom(Live):
    """Cancels a scope at the n-th point that anybody reaches, and at every one after it."""

    def __init__(self, nth: int, scope: anyio.CancelScope) -> None:
        super().__init__()
        self.left = nth
        self._scope = scope

    async def reach(self, operation: Operation) -> None:
        self.left -= 1
        if self.left <= 0:
            self._scope.cancel()
            await checkpoint()
        await super().reach(operation)


@pytest.fixture
def cancelled_everywhere(anyio_backend: str) -> Callable[[Use], Awaitable[int]]:
    """``await cancelled_everywhere(use)``: nothing may be found in any world; returns how many points there are."""

    async def sweep(use: Use) -> int:
        for nth in range(1, 1000):
            world = World(scenario="cancelled", seed=0, backend=anyio_backend)
            async with world:
                gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
                with anyio.CancelScope() as scope:
                    runtime = CancelFrom(nth, scope)
                    with running_under(runtime):
                        await use(gpu)
            assert world.findings == [], nth
            if runtime.left > 0:
                return nth
        raise AssertionError("the work never ends")

    return sweep
