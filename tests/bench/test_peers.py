import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from nova_async.bench import peers
from nova_async.bench.peers import Frontrun, Simloom, Simloop, counter, philosophers


def a_module(explore: Any) -> Any:
    return lambda name: SimpleNamespace(explore=explore)


def test_the_counter_runs_on_plain_asyncio() -> None:
    asyncio.run(asyncio.wait_for(counter(2, 2)(), 5))


def test_philosophers_deadlock_there() -> None:
    async def until_stuck() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(philosophers(2)(), 0.01)

    asyncio.run(until_stuck())


def test_simloom_says_how_many_runs_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(runs=7, failures=["deadlock"])
    monkeypatch.setattr("importlib.import_module", a_module(lambda main, **options: found))
    peer = Simloom(None)
    assert (peer.name, peer.count(2, 2), peer.first_deadlock(3, seed=1)) == ("simloom random", 7, 7)
    found.failures = []
    assert peer.first_deadlock(3, seed=1) is None


def test_simloop_counts_the_seeds_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[range] = []

    def explore(main: peers.Main, seeds: range, policy: str) -> object:
        asked.append(seeds)
        return SimpleNamespace(seeds_passed=4)

    monkeypatch.setattr("importlib.import_module", a_module(explore))
    peer = Simloop("pct")
    assert peer.count(2, 2) == len(asked[0])
    assert peer.first_deadlock(3, seed=0) == peer.first_deadlock(3, seed=1) == 5
    assert not set(asked[1]) & set(asked[2])


def test_frontrun_runs_the_programs_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def explore(setup: Any, workers: list[Any], invariant: Any, **options: Any) -> object:
        state = setup()
        for worker in workers:
            worker(state)
        return SimpleNamespace(num_explored=3, property_holds=False)

    monkeypatch.setattr("importlib.import_module", a_module(explore))
    peer = Frontrun()
    assert (peer.count(2, 2), peer.first_deadlock(3, seed=0)) == (3, 3)


def test_peers_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: name == "simloop" or None)
    monkeypatch.setattr("importlib.import_module", a_module(None))
    assert peers.installed() == ["simloop random", "simloop pct"]
    assert peers.missing() == ["frontrun", "simloom"]
    assert peers.make("simloop pct").name == "simloop pct"
