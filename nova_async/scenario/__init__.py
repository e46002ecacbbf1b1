"""Questions with expected answers, and what it takes to ask them.

::

    declare      @scenario, Scenario, CLEAN
    parameters   typed values with defaults, and -p name=value
    sizes        "64MiB"
    discovery    scenario files by path
    selection    -k EXPR
    world        the GPU, its driver and its clients, for one run
    recording    who tells a recorder what happens (device_recording: in a device)
    runner       one scenario, once, on asyncio or trio
    outcome      what came out, and whether it was expected
"""

from nova_async.scenario.declare import CLEAN as CLEAN
from nova_async.scenario.declare import Scenario as Scenario
from nova_async.scenario.declare import scenario as scenario
from nova_async.scenario.parameters import Positive as Positive
from nova_async.scenario.world import World as World
