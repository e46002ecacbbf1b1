"""The strategies that sample, replay, count and compare."""

from collections.abc import Hashable
from itertools import count

import anyio
import pytest

from nova_async.errors import ReplayDiverged, UsageError
from nova_async.explore import Result, Schedule, explore, pick, programs
from nova_async.explore.primitives import Cell
from nova_async.explore.schedule import Step
from nova_async.explore.strategies import DepthFirst, Metrics, Pct, RandomWalk, Replay


def seen(result: Result) -> tuple[object, ...]:
    return result.executions, result.steps, tuple(result.outcomes.items())


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_the_same_seed_makes_the_same_choices(strategy: str) -> None:
    runs = [explore(programs.lost(3), strategy=strategy, max_executions=40, seed=seed) for seed in (1, 1, 2)]
    assert seen(runs[0]) == seen(runs[1])
    assert seen(runs[0]) != seen(runs[2])


def test_a_uniform_walk_reaches_every_order() -> None:
    metrics = Metrics(RandomWalk(seed=1))
    explore(programs.counter(3, 2), strategy=metrics, max_executions=1500)
    assert metrics.schedules == 90


def test_a_bounded_walk_preempts_no_more_often_than_it_may() -> None:
    free, bounded = Metrics(RandomWalk(1)), Metrics(RandomWalk(1, preemptions=0))
    explore(programs.lost(3), strategy=free, max_executions=50)
    result = explore(programs.lost(3), strategy=bounded, max_executions=50)
    assert free.preemptions > 0
    assert bounded.preemptions == 0
    assert set(result.outcomes) == {"3"}


def test_pct_of_depth_one_never_preempts_by_itself() -> None:
    shallow, deep = Metrics(Pct(1, depth=1)), Metrics(Pct(1, depth=3))
    assert set(explore(programs.lost(3), strategy=shallow, max_executions=60).outcomes) == {"3"}
    assert set(explore(programs.lost(3), strategy=deep, max_executions=200).outcomes) == {"1", "2", "3"}
    assert shallow.preemptions == 0


@pytest.mark.parametrize("strategy", ["random", "pct", "dfs", "dpor", "exhaustive"])
def test_the_deadlock_of_three_philosophers_is_found_soon(strategy: str) -> None:
    found = [
        explore(programs.philosophers(3), strategy=strategy, max_executions=200, seed=seed, stop_at_first=True)
        for seed in range(20)
    ]
    assert sum(bool(result.failures) for result in found) >= 19


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_sampling_without_a_bound_is_refused(strategy: str) -> None:
    with pytest.raises(UsageError, match="max_executions or max_seconds"):
        explore(programs.lost(2), strategy=strategy)


def test_metrics_count_executions_switches_and_preemptions() -> None:
    metrics = Metrics(DepthFirst())
    result = explore(programs.lost(2), strategy=metrics)
    # Of RWrw, RrWw, RrwW, rRWw, rRwW, rwRW: switches 1 3 2 2 3 1, and as many preemptions less the one at an end.
    assert (metrics.executions, metrics.steps, metrics.longest) == (result.executions, result.steps, 4)
    assert (metrics.schedules, metrics.switches, metrics.preemptions) == (6, 12, 6)


def test_a_recorded_schedule_leads_to_the_same_failure() -> None:
    (failure,) = explore(programs.philosophers(4), strategy="random", max_executions=100, stop_at_first=True).failures
    (again,) = explore(programs.philosophers(4), strategy=Replay(failure.schedule)).failures
    assert (again.message, again.schedule) == (failure.message, failure.schedule)


def test_data_choices_are_replayed() -> None:
    async def program() -> None:
        x = Cell("x", 0)
        first = pick(4)
        await x.read()
        assert (first, pick(4)) != (2, 3)

    (failure,) = explore(program, strategy="dfs").failures
    assert failure.schedule.picks == ((4, 2), (4, 3))
    assert explore(program, strategy=Replay(failure.schedule)).failures[0].message == failure.message


def test_a_schedule_of_another_program_diverges_at_the_first_difference() -> None:
    (failure,) = explore(programs.philosophers(3), strategy="dfs", stop_at_first=True).failures
    with pytest.raises(ReplayDiverged, match=r"step 1: recorded with {t0, t1, t2} runnable, now {t0, t1, t2, t3}"):
        explore(programs.philosophers(4), strategy=Replay(failure.schedule))


def test_a_schedule_that_ends_too_early_diverges() -> None:
    with pytest.raises(ReplayDiverged, match=r"step 2: recorded with {} runnable, now {t0, t1}"):
        explore(programs.lost(2), strategy=Replay(Schedule((Step("t0", ("t0", "t1")),))))


def test_running_twice_finds_nothing_in_a_deterministic_program() -> None:
    result = explore(programs.lost(2), strategy="dfs", run_twice=True)
    assert (result.complete, result.ok, result.executions) == (True, True, 12)


def test_running_twice_names_the_first_step_that_differs() -> None:
    calls = count()

    async def program() -> None:
        x = Cell("x", 0)
        await x.read()
        for _ in range(next(calls)):
            await x.write(1)

    result = explore(program, strategy="dfs", run_twice=True)
    (failure,) = result.failures
    assert failure.finding is not None
    assert failure.finding.code == "NOVA901"
    assert "at step 2" in failure.message
    assert not result.complete


def test_running_twice_sees_that_a_task_was_told_something_else() -> None:
    calls = count()

    async def program() -> None:
        x = Cell("x", next(calls))
        await x.read()
        await x.read()

    (failure,) = explore(program, strategy="dfs", run_twice=True).failures
    assert "at step 2, {root} had been told something else" in failure.message


def test_an_uncontrolled_choice_is_noticed_without_running_twice() -> None:
    calls = count()

    async def program() -> Hashable:
        x = Cell("x", 0)

        async def reads() -> None:
            await x.read()

        async with anyio.create_task_group() as group:
            for _ in range(2 + next(calls)):
                group.start_soon(reads)
        return None

    with pytest.raises(ReplayDiverged, match="something that the explorer does not control"):
        explore(program, strategy="dfs")
