from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.address import KIB, MIB
from nova_async.checks import close_accounts
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu
from nova_async.operation import Operation
from nova_async.point import running_under
from nova_async.runtime import Live

Probe = Callable[..., Gpu]


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))


@pytest.fixture
def probe(kernel: Kernel) -> Probe:
    """Probe a small board: ``probe()`` or ``probe("GH100", vram=…)``."""

    def boot(chip: str = "GA102", vram: int = 8 * MIB, bar1: int = 256 * KIB) -> Gpu:
        return Gpu.probe(kernel, Board(Chipset.named(chip), vram=vram, bar1=bar1))

    return boot


@pytest.fixture(params=["GA102", "GH100"], ids=["V2", "V3"])
def gpu(request: pytest.FixtureRequest, probe: Probe) -> Gpu:
    """A device of each page-table format."""
    return probe(request.param)


class CancelAt(Live):
    """Cancels ``scope`` at the ``nth`` point that anybody reaches."""

    def __init__(self, nth: int, scope: anyio.CancelScope) -> None:
        super().__init__()
        self.reached = 0
        self._nth = nth
        self._scope = scope

    async def reach(self, operation: Operation) -> None:
        self.reached += 1
        if self.reached >= self._nth:
            self._scope.cancel()
            await checkpoint()
        await super().reach(operation)


@pytest.fixture
def cancelled_at_every_await() -> Callable[
    [Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], Awaitable[int]
]:
    """Run ``work`` again and again, cancelled at its first point, its second, …, and ``check`` after each run."""

    async def drive(work: Callable[[], Awaitable[None]], check: Callable[[], Awaitable[None]]) -> int:
        for nth in range(1, 10_000):
            with anyio.CancelScope() as scope:
                runtime = CancelAt(nth, scope)
                with running_under(runtime):
                    await work()
            await check()
            if runtime.reached < nth:
                return nth
        raise AssertionError("the work never ends")

    return drive


@pytest.fixture
def settled() -> Callable[[Gpu], Awaitable[None]]:
    """Assert that every page, range and lock of a device is back, and that nothing was found."""

    async def check(gpu: Gpu) -> None:
        assert await close_accounts(gpu) == []
        gpu.kernel.lockdep.task_ended()
        assert gpu.kernel.lockdep.findings == []

    return check
