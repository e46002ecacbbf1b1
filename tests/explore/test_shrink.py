"""Simpler schedules of the same failure."""

import anyio
import pytest

from nova_async.explore import Failure, Schedule, explore, pick, programs, shrink
from nova_async.explore.primitives import Cell
from nova_async.explore.programs import Program
from nova_async.explore.schedule import Step
from nova_async.explore.strategies import Replay


def found_at_random(program: Program, seed: int) -> Failure:
    return explore(program, strategy="random", max_executions=2000, seed=seed, stop_at_first=True).failures[0]


def busy_race() -> Program:
    """An update that is lost by one preemption, in the middle of much else."""

    async def program() -> None:
        x = Cell("x", 0)
        noise = [Cell(f"noise{number}", 0) for number in range(3)]

        async def task(number: int) -> None:
            for _ in range(6):
                await noise[number].write(0)
            before = await x.read()
            await x.write(before + 1)

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(task, number, name=f"t{number}")
        assert x.value == 3

    return program


@pytest.mark.parametrize("seed", range(5))
def test_a_long_race_shrinks_to_one_preemption(seed: int) -> None:
    failure = found_at_random(busy_race(), seed)
    shrunk = shrink(busy_race(), failure)
    assert failure.schedule.preemptions > 2
    assert (shrunk.failure.schedule.preemptions, shrunk.fewest_preemptions) == (1, True)
    assert shrunk.failure.schedule.switches <= 3
    assert shrunk.failure.message == failure.message


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_deadlock_shrinks_to_the_shortest_way_into_it(n: int) -> None:
    shrunk = shrink(programs.philosophers(n), found_at_random(programs.philosophers(n), 1)).failure
    assert len(shrunk.schedule.steps) == n
    # Backwards: whoever comes next is blocked after its first fork.
    assert (shrunk.schedule.switches, shrunk.schedule.preemptions) == (n - 1, 1)


def test_the_shrunk_schedule_replays() -> None:
    shrunk = shrink(busy_race(), found_at_random(busy_race(), 7)).failure
    (again,) = explore(busy_race(), strategy=Replay(shrunk.schedule)).failures
    assert again.message == shrunk.message


def test_data_choices_shrink_to_the_simplest() -> None:
    async def program() -> None:
        x = Cell("x", 0)
        values = []
        for _ in range(3):
            await x.read()
            values.append(pick(3))
        assert values[1] == 0

    (failure,) = explore(program, strategy="random", max_executions=50, seed=1, stop_at_first=True).failures
    shrunk = shrink(program, failure).failure
    assert [value for _, value in shrunk.schedule.picks] in ([0, 1, 0], [0, 2, 0])


def test_without_time_the_failure_comes_back_as_it_was() -> None:
    failure = found_at_random(busy_race(), 3)
    shrunk = shrink(busy_race(), failure, seconds=0)
    assert (shrunk.failure, shrunk.fewest_preemptions, shrunk.executions) == (failure, False, 0)


def test_switching_away_from_a_task_that_cannot_go_on_is_no_preemption() -> None:
    schedule = Schedule((Step("a", ("a", "b")), Step("b", ("b",)), Step("a", ("a", "b"))))
    assert (schedule.switches, schedule.preemptions) == (2, 1)
