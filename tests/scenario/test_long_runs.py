"""What a world does for long runs: it tells how far they are, and lets devices go before the end."""

import pytest

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.scenario import World


def test_it_asks_for_a_line_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nova_async.scenario.world.time.monotonic", lambda: now)
    said: list[str] = []
    asked: list[str] = []
    world = World(scenario="test", seed=1, backend="asyncio", talk=said.append)

    def line() -> str:
        asked.append("")
        return f"at {now:g}"

    for now in (100.0, 100.2, 100.9, 101.0, 101.5, 103.0):  # noqa: B007  what the clock says
        world.say(line)
    assert said == ["at 100", "at 101", "at 103"]
    assert len(asked) == 3


async def test_the_accounts_of_a_device_that_retires_are_closed_at_once(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        await gpu.mm.alloc_vram(PAGE_SIZE, owner="careless")
        await world.retire(gpu)
        assert [finding.code for finding in world.findings] == ["NOVA305"]
        other = await world.boot("GA102", vram="8MiB")
        other.mm.free_vram(await other.mm.alloc_vram(PAGE_SIZE, owner="careful"))
    assert [finding.code for finding in world.findings] == ["NOVA305"]
    assert world.stats["mmio"] == sum(each.board.traffic.transactions for each in (gpu, other))


async def test_address_spaces_that_are_closed_are_not_kept_for_ever(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        for number in range(200):
            root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
            vmm = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name=f"vm{number}", owner="vm")
            await vmm.abort(await vmm.prepare_map(1))
            await vmm.close()
            gpu.mm.free_vram(root)
            await gpu.mm.deferred.drain()
        assert len(gpu.address_spaces) < 80
    assert world.findings == []


async def test_an_address_space_that_misses_addresses_is_kept_for_the_closing_of_the_accounts(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="8MiB")
        root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
        lossy = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name="lossy", owner="vm")
        await lossy._va.alloc_blocks(PAGE_SIZE, owner="nobody")
        await lossy.close()
        gpu.mm.free_vram(root)
        for number in range(20):
            root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
            vmm = gpu.vmm(VramAddress(root.address), 64 * PAGE_SIZE, name=f"vm{number}", owner="vm")
            await vmm.close()
            gpu.mm.free_vram(root)
    assert ["lossy" in finding.message for finding in world.findings] == [True]
