"""One search, spread over processes."""

from collections.abc import Awaitable, Callable, Hashable

import anyio
import pytest

from nova_async.errors import InternalError, UsageError
from nova_async.explore import explore, pick, programs
from nova_async.explore import workers as spreading
from nova_async.explore.primitives import Cell, Lock
from nova_async.explore.strategies import Exhaustive

Program = Callable[[], Awaitable[Hashable]]


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "ROUND", 5)
    monkeypatch.setattr(spreading, "ALONE", 2)
    monkeypatch.setattr(spreading, "ENOUGH", 1)


def crossing() -> Program:
    """Three tasks that can block each other, one with a choice of data."""

    async def program() -> Hashable:
        locks = [Lock(f"lock{number}") for number in range(3)]
        cell = Cell("cell", 0)

        async def task(number: int) -> None:
            step = pick(2) if not number else 1
            async with locks[number]:
                await cell.write(number)
                async with locks[(number + step) % 3]:
                    await cell.read()

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(task, number)
        return cell.value

    return program


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("program", [crossing(), programs.lost(3), programs.philosophers(4), programs.sections(3, 3)])
def test_it_finds_what_one_process_finds(program: Program, count: int) -> None:
    alone = explore(program, strategy=Exhaustive())
    together = explore(program, strategy=Exhaustive(), workers=count)

    assert together.complete
    assert set(together.outcomes) == set(alone.outcomes)
    assert together.states == alone.states
    assert {each.message for each in together.failures} == {each.message for each in alone.failures}


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_it_as_well_with_persistent_sets(seed: int) -> None:
    for program in (crossing(), programs.lost(2 + seed % 2), programs.philosophers(2 + seed)):
        every = explore(program, strategy=Exhaustive())
        together = explore(program, strategy=Exhaustive(persistent_sets=True), workers=2)
        assert together.complete
        assert set(together.outcomes) == set(every.outcomes)
        assert {each.message for each in together.failures} == {each.message for each in every.failures}


def test_so_many_workers_find_the_same_schedules_every_time() -> None:
    results = [explore(crossing(), strategy=Exhaustive(persistent_sets=True), workers=3) for _ in range(2)]
    assert [each.schedule for each in results[0].failures] == [each.schedule for each in results[1].failures]
    assert results[0].executions == results[1].executions


def test_a_bound_holds_for_all_together() -> None:
    result = explore(programs.sections(3, 6), strategy=Exhaustive(), workers=2, max_executions=20)
    assert not result.complete
    assert 20 <= result.executions <= 21


def test_a_worker_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(strategy: Exhaustive) -> None:
        raise MemoryError("out of pages")

    monkeypatch.setattr(Exhaustive, "end_round", fail)  # what a fork does last
    with pytest.raises(InternalError, match="a worker failed: MemoryError: out of pages"):
        explore(programs.sections(3, 4), strategy=Exhaustive(), workers=2)


@pytest.mark.parametrize("count", [0, 2])
def test_what_cannot_be_spread_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="workers"):
        explore(programs.lost(2), strategy="dpor" if count else "exhaustive", workers=count)
    with pytest.raises(UsageError, match="workers"):
        explore(programs.lost(2), preemptions=1, workers=2)
