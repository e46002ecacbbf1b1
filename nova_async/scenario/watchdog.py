"""A live run that has come to a standstill ends with a finding instead of hanging.

Live, nobody but the event loop knows whether a task could still run. So the watchdog takes for a deadlock what has no
other explanation: for a while no task but attendants has reached a point, no timer is pending, and somebody sleeps at a
point.
"""

import asyncio
import math

import anyio
import trio
from anyio.lowlevel import checkpoint

from nova_async.scenario.world import World

WATCHDOG = "watchdog"
"""What its task is called."""
QUIET_S = 0.5
"""How long nothing may move, in seconds of real time. The model itself never sleeps in real time."""
TURNS = 20
"""How often everybody who can run has his turn after that: the loop may have stood still all the while, in a collection
of garbage or on a machine that did something else."""


async def watch(world: World) -> None:
    """Look until cancelled, or until a deadlock is found and ended."""
    runtime = world.runtime
    while True:
        before = runtime.progress
        await anyio.sleep(QUIET_S)
        for _ in range(TURNS):
            await checkpoint()
        if runtime.asleep and runtime.progress == before and not _timer_pending(world.backend):
            world.end_deadlock()
            return


def _timer_pending(backend: str) -> bool:
    """Whether a task sleeps in real time; the watchdog's own timer has just gone off."""
    if backend == "trio":
        return trio.lowlevel.current_statistics().seconds_to_next_deadline < math.inf
    loop = asyncio.get_running_loop()
    # asyncio has no public way to ask; both loops of the standard library keep their timers here.
    return any(not timer.cancelled() for timer in getattr(loop, "_scheduled", ()))
