from math import comb

import pytest

from nova_async.bench import orders
from nova_async.bench.figure import Samples
from nova_async.bench.orders import (
    ESTIMATED,
    ORDERS,
    SECONDS,
    STATES,
    Counted,
    count,
    estimate,
    goals,
    turn_name,
    turns,
)
from nova_async.bench.turns import Values
from nova_async.explore import explore
from nova_async.explore.programs import Program, lost, philosophers, readers, sections

SECTIONS = turn_name("2 tasks of sections")
CREATORS = turn_name("2 creators")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    monkeypatch.setattr(orders, "SECTIONS", (2, 10))
    monkeypatch.setattr(orders, "PHILOSOPHERS", (3,))
    monkeypatch.setattr(orders, "CREATORS", (1,))
    monkeypatch.setattr(orders, "MAX_SECONDS", 0.2)
    monkeypatch.setattr(orders, "WALKS", 20)


def test_states_stand_beside_orders_exact_and_estimated(small: None) -> None:
    values: dict[tuple[str, int], Values] = {(turn.name, turn.size): turn.measure() for turn in turns()}
    assert set(values[SECTIONS, 10]) == {STATES, ORDERS, ESTIMATED, SECONDS}
    assert values[SECTIONS, 10][ORDERS] == comb(20, 10)
    assert values[SECTIONS, 10][STATES] < 1000
    assert values[turn_name("philosophers"), 3][ORDERS] == 30
    assert values[CREATORS, 1][ESTIMATED] > 1e12
    assert ORDERS not in values[CREATORS, 1]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_formula_is_what_depth_first_search_counts(size: int) -> None:
    assert count(sections(2, size)) == comb(2 * size, size)


@pytest.mark.parametrize("program", [philosophers(3), readers(2), lost(2)], ids=["philosophers", "readers", "lost"])
def test_the_estimate_is_near_the_count(program: Program) -> None:
    assert estimate(program) == pytest.approx(count(program), rel=0.1)


def test_the_estimate_is_the_same_every_time() -> None:
    assert estimate(philosophers(4)) == estimate(philosophers(4))


def test_a_search_that_is_cut_says_nothing_of_states() -> None:
    program = sections(2, 5)
    cut = Counted("cut", 5, lambda: explore(program, max_executions=1), lambda: 252, program)
    assert set(orders.measure(cut)) == {ORDERS, ESTIMATED}


def test_the_goal_is_orders_for_each_state_of_whole_clients() -> None:
    samples = Samples()
    assert not list(goals(samples))
    samples.add(CREATORS, 1, STATES, 1000)
    samples.add(CREATORS, 1, ESTIMATED, 1e8)
    assert [(goal.value, goal.met) for goal in goals(samples)] == [(1e5, False)]
