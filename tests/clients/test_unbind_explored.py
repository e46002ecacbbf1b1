"""An unbind at every place where one can come, as a choice of the explorer."""

from collections.abc import Awaitable, Callable

import pytest

from nova_async.clients import Bar1User, Client, DrmSubmitter, PageMapper, Seat, Tally, VgpuCreator, Vm
from nova_async.clients.address_space import address_space
from nova_async.explore import explore
from nova_async.findings import Finding
from nova_async.mm import Gpu, Vmm
from nova_async.scenario import World

CLIENTS: dict[str, Callable[[Gpu, Vm, Vmm], Client]] = {
    "vgpu": lambda gpu, _vm, _vmm: VgpuCreator(gpu, 0, pages=1),
    "drm": lambda _gpu, vm, _vmm: DrmSubmitter(vm, 0, pages=1),
    "bar1": lambda gpu, _vm, _vmm: Bar1User(gpu, 0),
    "mapper": lambda gpu, _vm, vmm: PageMapper(gpu, vmm, 0, pages=1),
}


def program(make: Callable[[Gpu, Vm, Vmm], Client], found: list[Finding]) -> Callable[[], Awaitable[object]]:
    """One turn of one client, on a device that may go away once."""

    async def once() -> object:
        world = World(scenario="test", seed=0, backend="asyncio")
        world.kernel.faults.allow(1)
        tally = Tally(lambda: 0)
        async with world:
            gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
            async with Vm(gpu, "vm", pages=16) as vm, address_space(gpu, "space", 16) as vmm:
                world.inject(unbind=0.5)
                turns = iter([make(gpu, vm, vmm)])
                async with world.clients() as crew:
                    crew.start(Seat("seat", lambda: next(turns, None), tally))
        found.extend(world.findings)
        return dict(tally.failures)

    return once


@pytest.mark.parametrize("client", ["vgpu", "bar1", "mapper", pytest.param("drm", marks=pytest.mark.nightly)])
def test_wherever_the_device_goes_away_the_client_ends_with_enodev_and_the_accounts_close(client: str) -> None:
    found: list[Finding] = []
    result = explore(program(CLIENTS[client], found), strategy="exhaustive", max_seconds=60)
    assert result.complete, result.incomplete_because
    assert result.ok, result.failures
    assert found == []
    assert set(result.outcomes) == {"{}", "{'ENODEV': 1}"}
