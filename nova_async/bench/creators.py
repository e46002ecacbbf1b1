"""Exhaustive search of whole clients: vGPU creators on one device, for more and more pages.

Two creators in every order take a second, three a minute. What it costs should not grow with the pages, as a mapping
of any size is the same steps.
"""

from collections.abc import Iterator
from functools import partial

from nova_async.bench.turns import Turn, Values, seconds_of
from nova_async.clients import VgpuCreator
from nova_async.errors import InternalError
from nova_async.scenario import CLEAN, World, scenario
from nova_async.scenario.exploring import Explored, Plan, explore_scenario

PAGES = {2: (1, 4, 16, 64), 3: (1,)}
"""Pages of each creator's partition, by the number of creators."""
PREEMPTIONS = 1
STATES, EXECUTIONS, STEPS = "states", "executions", "steps"
SECONDS, RATE = "s", "states/s"


@scenario(expect=CLEAN, explore="exhaustive")
async def vgpu_creators(world: World, creators: int = 2, pages: int = 1) -> None:
    """Can vGPU creators share one device?"""
    gpu = await world.boot("GA102", vram="16MiB", bar1="1MiB")
    async with world.clients() as crew:
        for number in range(creators):
            crew.start(VgpuCreator(gpu, number, pages=pages), alike_at=gpu.bar_user.vmm.addresses)


def turns() -> Iterator[Turn]:
    """With one preemption, and in every order."""
    for creators, sizes in PAGES.items():
        for pages in sizes:
            one = Plan(preemptions=PREEMPTIONS)
            yield Turn(f"{creators} creators, one preemption", pages, partial(search, creators, pages, one))
    for creators, sizes in PAGES.items():
        for pages in sizes:
            yield Turn(f"{creators} creators, every order", pages, partial(search, creators, pages, Plan()))


def search(creators: int, pages: int, plan: Plan) -> Values:
    """Every state that the plan allows."""
    found, seconds = _explore(creators, pages, plan)
    result = found.result
    return {
        EXECUTIONS: result.executions,
        STEPS: result.steps,
        SECONDS: seconds,
        STATES: result.states,
        RATE: result.states / seconds,
    }


def _explore(creators: int, pages: int, plan: Plan) -> tuple[Explored, float]:
    explored: list[Explored] = []
    values = {"creators": creators, "pages": pages}
    seconds = seconds_of(lambda: explored.append(explore_scenario(vgpu_creators, values, plan)))
    (found,) = explored
    if not found.met:
        raise InternalError(f"bench stateful: {found.errors or found.findings[0].message}")
    return found, seconds
