"""A live run that has come to a standstill ends with a finding instead of hanging.

Live, nobody but the event loop knows whether a task could still run. So the watchdog waits until all tasks are blocked,
and looks again a little later: if somebody sleeps at a point and nobody has moved, nobody is left to wake them.
"""

import anyio

from nova_async.scenario.world import World

QUIET_S = 0.5
"""How long nothing may move, in seconds of real time. The model itself never sleeps in real time."""


async def watch(world: World) -> None:
    """Look until cancelled; end a deadlock that is found."""
    while True:
        await anyio.wait_all_tasks_blocked()
        before = dict(world.runtime.asleep)
        await anyio.sleep(QUIET_S)
        await anyio.wait_all_tasks_blocked()
        if before and before == world.runtime.asleep:
            world.end_deadlock()
