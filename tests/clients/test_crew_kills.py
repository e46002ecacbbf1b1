"""Who may be killed by a strategy, and how many of them."""

import sys
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

import pytest

from nova_async.clients.crew import Crew, Mortals
from nova_async.explore import explore
from nova_async.kernel import Kernel
from nova_async.point import alike
from nova_async.scenario import World

Program = Callable[[], Awaitable[Hashable]]


@dataclass
class Passer:
    """Takes a lock of its own, and is done."""

    name: str
    kernel: Kernel
    done: list[str]

    async def run(self) -> None:
        async with self.kernel.private_mutex(f"lock of {self.name}", None).lock():
            self.done.append(self.name)


def program(kill: tuple[str, ...], kills: int | None, names: str = "ab") -> Program:
    """Who comes through."""

    async def once() -> Hashable:
        world = World(scenario="test", seed=0, backend="asyncio", kill=kill, kills=kills)
        done: list[str] = []
        async with world, world.clients() as crew:
            for name in names:
                crew.start(Passer(name, world.kernel, done))
        assert world.findings == []
        return "".join(sorted(done))

    return once


def outcomes(tried: Program, strategy: str) -> set[str]:
    result = explore(tried, strategy=strategy)
    assert result.failures == ()
    assert result.complete, result.incomplete_because
    return {str(outcome).strip("'") for outcome in result.outcomes}


strategies = pytest.mark.parametrize("strategy", ["exhaustive", "dpor"])


@strategies
def test_one_kill_strikes_each_of_two_clients_and_never_both(strategy: str) -> None:
    assert outcomes(program(("*",), 1), strategy) == {"ab", "a", "b"}


@strategies
@pytest.mark.parametrize("kills", [None, 2])
def test_without_a_bound_or_with_one_for_all_of_them_both_are_killed_as_well(strategy: str, kills: int | None) -> None:
    assert outcomes(program(("*",), kills), strategy) == {"ab", "a", "b", ""}


@strategies
def test_who_is_not_named_is_neither_killed_nor_counted(strategy: str) -> None:
    assert outcomes(program(("b",), 1), strategy) == {"ab", "a"}


def test_a_bound_leaves_out_executions() -> None:
    bounded = explore(program(("*",), 1, "abc"), strategy="dpor")
    unbounded = explore(program(("*",), None, "abc"), strategy="dpor")
    assert bounded.executions < unbounded.executions


def test_live_a_bound_kills_nobody_as_no_strategy_chooses() -> None:
    mortals = Mortals(["*"], kills=1)
    assert not mortals.admit("a")
    assert Mortals(["*"]).admit("a")
    mortals.check()


@pytest.mark.parametrize(("kill", "said"), [((), ["lock", "lock"]), (("b",), [])])
def test_clients_are_alike_only_where_nobody_may_be_killed(
    monkeypatch: pytest.MonkeyPatch, kill: tuple[str, ...], said: list[str]
) -> None:
    heard: list[str] = []

    def hear(first_at: str) -> None:
        heard.append(first_at)
        alike(first_at)

    monkeypatch.setattr(sys.modules[Crew.__module__], "alike", hear)

    async def once() -> Hashable:
        heard.clear()
        world = World(scenario="test", seed=0, backend="asyncio", kill=kill)
        done: list[str] = []
        async with world, world.clients() as crew:
            for name in "ab":
                crew.start(Passer(name, world.kernel, done), alike_at="lock")
        return tuple(heard)

    result = explore(once, strategy="dfs", max_executions=1)
    assert set(result.outcomes) == {str(tuple(said))}
