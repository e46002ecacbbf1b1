"""The soak scenario for longer than `nova-async run` takes, with everything that can go wrong going wrong often."""

import gc
from pathlib import Path

import pytest

from nova_async.errors import UsageError
from nova_async.hw.board import Board
from nova_async.mm import Gpu
from nova_async.scenario import World, watchdog
from nova_async.scenario.discovery import discover
from nova_async.scenario.outcome import Outcome
from nova_async.scenario.parameters import values_for
from nova_async.scenario.runner import run, timed

SOAK = discover([str(Path(__file__).parent.parent / "scenarios" / "soak.py")])[0]
KINDS = ("map", "unmap", "bar1 map", "bar1 unmap", "bind", "unbind", "vgpu create", "vgpu destroy")


def soaked(backend: str = "asyncio", seed: int = 1, **settings: object) -> Outcome:
    values = values_for("soak", SOAK.parameters, {name: str(value) for name, value in settings.items()})
    return run(SOAK, values, backend=backend, seed=seed, lockdep=timed)


def test_it_ends_after_so_many_operations_and_says_what_happened() -> None:
    outcome = soaked(clients=16, operations=300, mmio=0.01, alloc=0.01, kills=0.2, unbinds=2)
    stats = outcome.stats
    assert outcome.verdict == "met"
    assert 300 <= stats["operations"] < 600
    assert stats["operations"] == sum(stats[f"{kind}.count"] for kind in KINDS)
    assert all(stats[f"{kind}.p50_us"] <= stats[f"{kind}.p99_us"] for kind in KINDS)
    assert stats["unbinds"] == 2
    assert stats["kills"] > 0
    assert stats["faults.mmio"] > 0
    assert outcome.lock_stat


def test_it_ends_after_so_many_seconds() -> None:
    outcome = soaked(clients=8, operations=0, seconds=0.3)
    assert outcome.verdict == "met"
    assert 0.3 <= outcome.elapsed_s < 30


def test_a_device_that_went_away_is_gone_before_the_next_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[int] = []
    boot = World.boot

    async def counting(world: World, chip: str = "GA102", *, vram: str = "64MiB", bar1: str = "16MiB") -> Gpu:
        boards.append(sum(isinstance(thing, Board) for thing in gc.get_objects()))
        return await boot(world, chip, vram=vram, bar1=bar1)

    gc.collect()
    monkeypatch.setattr(World, "boot", counting)
    assert soaked(clients=8, operations=200, unbinds=3).verdict == "met"
    assert len(boards) == 4
    assert max(boards) == boards[0]


def test_a_run_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match="never end"):
        soaked(operations=0)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_same_seed_does_the_same_however_often_the_watchdog_looks(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    first = soaked(backend, clients=8, operations=100)
    monkeypatch.setattr(watchdog, "QUIET_S", 0.001)
    second = soaked(backend, clients=8, operations=100)
    counted = [name for name in first.stats if not name.endswith(("_us", "_per_s", "_bytes"))]
    assert {name: first.stats[name] for name in counted} == {name: second.stats[name] for name in counted}


@pytest.mark.nightly
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(3))
def test_two_thousand_clients_lose_nothing_and_keep_their_memory_flat(backend: str, seed: int) -> None:
    settings = {"clients": 2000, "operations": 100_000, "unbinds": 4, "mmio": 0.002, "tlb": 0.002, "alloc": 0.004}
    outcome = soaked(backend, seed, kills=0.2, **settings)
    assert outcome.verdict == "met", outcome.errors
    assert "memory_grown_bytes" in outcome.stats
