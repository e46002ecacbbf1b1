import pytest

from nova_async.bench.hunt import Hunt
from nova_async.bench.races import RACES, free_flushes, free_lock_order
from nova_async.explore.strategies import STRATEGIES
from nova_async.kernel import Mutex
from nova_async.scenario import Scenario, World, scenario
from nova_async.scenario.exploring import Plan


@scenario(expect="NOVA402")
async def left_locked(world: World) -> None:
    """Is a lock that nobody releases a fence that nobody signals?"""
    mutex: Mutex[None] = world.kernel.private_mutex("left", None)
    await mutex.lock().__aenter__()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_every_strategy_sees_every_race_whole(race: Scenario, strategy: str) -> None:
    hunted = Hunt(race, Plan(strategy=strategy, max_executions=300)).run()
    assert hunted.first is not None
    assert hunted.whole is not None
    assert 1 == hunted.first.execution <= hunted.whole.execution <= 300
    assert 0 < hunted.first.milliseconds <= hunted.whole.milliseconds <= hunted.milliseconds


def test_the_rules_tell_at_once_and_the_deadlock_takes_another_order() -> None:
    hunted = Hunt(free_lock_order, Plan(strategy="dfs")).run()
    assert [sight.execution for sight in (hunted.first, hunted.whole) if sight is not None] == [1, 2]


def test_a_hunt_is_over_when_all_was_seen() -> None:
    hunted = Hunt(free_lock_order, Plan(strategy="random", max_executions=1000)).run()
    assert hunted.whole is not None
    assert hunted.executions == hunted.whole.execution < 1000


def test_a_hunt_ends_at_the_bound_and_keeps_what_it_has_seen() -> None:
    hunted = Hunt(free_flushes, Plan(strategy="dfs", max_executions=2)).run()
    assert hunted.first is not None
    assert hunted.whole is None
    assert hunted.executions == 2


def test_a_finding_that_nobody_expects_is_not_what_was_hunted() -> None:
    hunted = Hunt(left_locked, Plan(strategy="dfs")).run()
    assert (hunted.first, hunted.whole) == (None, None)
    assert hunted.milliseconds > 0
