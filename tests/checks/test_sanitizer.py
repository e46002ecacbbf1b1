"""The sanitizer on whole runs: silent where nothing is wrong, and switched on by default."""

from typing import Any

import pytest

from nova_async.checks import Sanitizer
from nova_async.clients import DrmSubmitter, VgpuCreator, Vm
from nova_async.errors import Errno
from nova_async.mm.pramin import PRAMIN_BASE
from nova_async.scenario import CLEAN, World
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.runner import run

SCENARIOS = discover(())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.expect == CLEAN], ids=lambda each: each.name)
def test_clean_scenarios_are_clean_whatever_the_seed(scenario: Scenario, backend: str) -> None:
    values = {parameter.name: parameter.default for parameter in scenario.parameters}
    for seed in range(2):
        outcome = run(scenario, values, backend=backend, seed=seed)
        assert [finding.message for finding in outcome.findings] == []


class Forgiving:
    """A client whose errors are part of the weather."""

    def __init__(self, client: Any) -> None:
        self.name = client.name
        self._client = client

    async def run(self) -> None:
        try:
            await self._client.run()
        except Errno:
            return


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("victim", ["", "vgpu#1", "drm#2"])
async def test_faults_and_kills_break_no_invariant(anyio_backend: str, seed: int, victim: str) -> None:
    world = World(scenario="faults", seed=seed, backend=anyio_backend)
    async with world:
        gpu = await world.boot("GA102" if seed else "GH100", vram="16MiB")
        async with Vm(gpu, "vm", pages=256) as vm, world.clients() as clients:
            # trio orders its tasks by dice of its own: what happens once in a thousand runs is not for this test.
            world.inject(mmio=0.005 if anyio_backend == "asyncio" else 0.0, tlb=0.02, alloc=0.02, reclaim=0.05)
            for number in range(4):
                clients.start(Forgiving(VgpuCreator(gpu, number)))
                clients.start(Forgiving(DrmSubmitter(vm, number, binds=2)))
            if victim:
                clients.kill(victim)
        world.kernel.faults.stop()
    assert [finding.message for finding in world.findings] == []


async def test_a_world_watches_every_device_that_it_boots(world: World) -> None:
    async with world:
        for _ in range(2):
            gpu = await world.boot(vram="8MiB")
            assert [type(each) for each in gpu.board.listeners] == [Sanitizer]
        gpu.board.bar0.read32(PRAMIN_BASE)
    assert [finding.code for finding in world.findings] == ["NOVA306"]


async def test_a_world_can_do_without(anyio_backend: str) -> None:
    world = World(scenario="test", seed=0, backend=anyio_backend, sanitize=False)
    async with world:
        gpu = await world.boot(vram="8MiB")
        gpu.board.bar0.read32(PRAMIN_BASE)
        assert not gpu.board.listeners
        assert not gpu.mm.observers
    assert world.findings == []


async def test_a_finding_says_who_did_it_where_and_what_it_held(watched: Any) -> None:
    async with watched.gpu.mm.pramin.window() as window:
        window.try_read64(0)
        watched.gpu.board.bar0.write32(watched.gpu.chipset.window.offset, 0x40)
        window.try_read64(8)
    (finding,) = watched.gpu.kernel.lockdep.findings
    (witness,) = finding.chain
    assert witness.sites[0].file == "tests/checks/test_sanitizer.py"
    assert witness.sites[0].function.startswith("test_a_finding_says_who")
    assert [each.did for each in finding.held] == ["holds pramin"]
    assert finding.tasks[0] == witness.task
    assert finding.advice


async def test_the_same_mistake_in_the_same_place_is_told_once(watched: Any) -> None:
    for _ in range(3):
        watched.gpu.board.bar0.read32(PRAMIN_BASE)
    assert len(watched.gpu.kernel.lockdep.findings) == 1
