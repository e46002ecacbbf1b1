"""A deadlock is told from a loop that stood still for a while."""

import time

import pytest
from anyio.lowlevel import checkpoint

from nova_async.kernel import Mutex
from nova_async.scenario import World
from nova_async.scenario.declare import CLEAN, scenario
from nova_async.scenario.runner import run


class Holder:
    """Keeps the whole process busy while it has the lock, as a collection of garbage does."""

    name = "holder"

    def __init__(self, lock: Mutex[None]) -> None:
        self._lock = lock

    async def run(self) -> None:
        async with self._lock.lock():
            for _ in range(5):
                await checkpoint()
                time.sleep(0.05)  # noqa: ASYNC251  that is the point


class Waiter(Holder):
    name = "waiter"

    async def run(self) -> None:
        await checkpoint()
        async with self._lock.lock():
            pass


@scenario(expect=CLEAN)
async def stands_still(world: World) -> None:
    """Is a loop that stands still no deadlock?"""
    lock: Mutex[None] = world.kernel.private_mutex("lock", None)
    async with world.clients() as clients:
        clients.start(Holder(lock))
        clients.start(Waiter(lock))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_that_stood_still_is_no_deadlock(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setattr("nova_async.scenario.watchdog.QUIET_S", 0.02)
    assert run(stands_still, {}, backend=backend).verdict == "met"
