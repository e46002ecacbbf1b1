import pytest

from nova_async.bench import Settings, creators, stateful
from nova_async.bench.mutexes import in_anyio_group, mutex_counter
from nova_async.bench.stateful import EXECUTIONS, MEMORY, ORDERS, RATE, SECONDS, STATES, name_of, orders, search, weigh
from nova_async.errors import InternalError
from nova_async.explore import explore
from nova_async.explore.programs import together
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import AsyncioTasks
from nova_async.scenario.exploring import Plan


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    monkeypatch.setattr(stateful, "SECTIONS", {2: (2, 3)})
    monkeypatch.setattr(stateful, "BY_ORDER", {2: (2,)})
    monkeypatch.setattr(stateful, "WEIGHED", {2: (3,)})
    monkeypatch.setattr(stateful, "SECONDS_GOALS", {(2, 3): 10.0})
    monkeypatch.setattr(creators, "PAGES", {2: (1,)})
    monkeypatch.setattr(creators, "PREEMPTIONS", 0)


def test_the_bench_has_states_seconds_and_memory(small: None) -> None:
    report = stateful.run(Settings(max_seconds=0))
    figures = {(figure.name, figure.size, figure.unit): figure.median for figure in report.figures}
    name = name_of(2)
    assert figures[name, 3, STATES] > figures[name, 2, STATES] > 0
    assert figures[name, 3, RATE] == pytest.approx(figures[name, 3, STATES] / figures[name, 3, SECONDS])
    assert figures[name, 3, MEMORY] > 0
    assert figures[name, 3, ORDERS] == 20
    assert figures[name_of(2, "dpor"), 2, EXECUTIONS] == figures[name_of(2, "dfs"), 2, EXECUTIONS] == orders(2, 2)
    assert figures["2 creators, one preemption", 1, EXECUTIONS] > 1
    assert figures["2 creators, every order", 1, STATES] > 0
    assert [goal.met for goal in report.goals] == [True]


def test_states_grow_with_the_square_of_the_sections_and_orders_beyond_all_bounds() -> None:
    few, many = (search(2, sections) for sections in (5, 10))
    assert 3 < many[STATES] / few[STATES] < 4
    assert many[ORDERS] / few[ORDERS] > 700


def test_a_search_that_finds_something_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ValueError("no")

    monkeypatch.setattr(stateful, "mutex_counter", lambda tasks, sections: broken)
    with pytest.raises(InternalError, match="no"):
        search(2, 2)


def test_the_search_of_whole_creators_does_not_grow_with_their_pages() -> None:
    few, many = (creators.search(2, pages, Plan(preemptions=0)) for pages in (1, 16))
    assert few[STATES] == pytest.approx(many[STATES], rel=0.2)
    assert few[EXECUTIONS] == many[EXECUTIONS]


def test_creators_that_do_not_get_along_are_no_figure() -> None:
    with pytest.raises(InternalError, match=r"bench stateful: .*EINVAL"):
        creators.search(1, 1 << 14, Plan())


def test_memory_is_more_than_nothing() -> None:
    assert weigh(2, 2)[MEMORY] > 100


@pytest.mark.parametrize("kept", [True, False])
def test_the_checker_sees_every_acquisition_of_the_program(kept: bool) -> None:
    made: list[Validator] = []

    def lockdep(tasks: object) -> Validator:
        if not (kept and made):
            made.append(Counting(AsyncioTasks()))
        return made[-1]

    result = explore(mutex_counter(3, 2, lockdep), strategy="dfs")
    assert result.executions == 90
    assert sum(validator.taken for validator in made if isinstance(validator, Counting)) == 90 * 6
    assert len(made) == (1 if kept else 90)


class Counting(Validator):
    taken = 0

    def acquired(self, lock: object) -> None:
        self.taken += 1


def test_the_program_is_the_same_in_both_task_groups() -> None:
    ours, anyios = (explore(mutex_counter(2, 2, group=group), strategy="dfs") for group in (together, in_anyio_group))
    assert (ours.executions, ours.steps) == (anyios.executions, anyios.steps) == (6, 24)
