from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import anyio
import pytest

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.hw.chipset import MmuVersion
from nova_async.mm import Gpu
from nova_async.mm.v6 import GpuMm, Vmm
from nova_async.operation import Operation
from nova_async.point import running_under
from nova_async.runtime import Live

Probe = Callable[..., Gpu]
Player = Callable[[], Awaitable[None]]
player: ContextVar[str] = ContextVar("player", default="")


class InOrder(Live):
    """Lets each player pass its points only when the script names it; after the script, everybody."""

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script.replace(" ", "")
        self._moved = anyio.Event()

    async def reach(self, operation: Operation) -> None:
        me = player.get()
        with anyio.fail_after(5):  # in here, for a window moves back under a shield
            while self.script and not self.script.startswith(me):
                await self._moved.wait()
        self.script = self.script[1:]
        self._moved.set()
        self._moved = anyio.Event()


@pytest.fixture
def in_order() -> Callable[..., Awaitable[None]]:
    """``await in_order("AA B", A=…, B=…)``: run the players; each letter lets its player do one operation."""

    async def run(script: str, **players: Player) -> None:
        async def play(name: str, work: Player) -> None:
            player.set(name)
            await work()

        runtime = InOrder(script)
        with running_under(runtime):
            async with anyio.create_task_group() as group:
                for name, work in players.items():
                    group.start_soon(play, name, work)
        assert runtime.script == ""

    return run


@pytest.fixture
def january(probe: Probe) -> Gpu:
    """A device that January's code can drive."""
    return probe("GA102")


@pytest.fixture
def january_vmm(january: Gpu) -> Callable[[], object]:
    """``async with january_vmm() as (mm, vmm)``: an address space with a zeroed root."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[GpuMm, Vmm]]:
        root = await january.mm.alloc_vram(PAGE_SIZE, owner="client")
        async with GpuMm(january) as mm:
            yield mm, Vmm(mm, VramAddress(root.address), MmuVersion.V2, name="vm", owner="client")

    return opened
