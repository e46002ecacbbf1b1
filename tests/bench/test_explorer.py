from contextlib import nullcontext
from functools import partial

import pytest

from nova_async.bench import Settings, explorer, first_bug, orders, peer_process, peers, steps
from nova_async.bench.explorer import BLOCKED, CHECKED, EXECUTIONS, KEPT, OF_OPTIMUM, RATE, UNCHECKED, explore_all, rate
from nova_async.bench.figure import Samples
from nova_async.bench.first_bug import MILLISECONDS, TO_BUG, first_deadlock
from nova_async.bench.published import PUBLISHED, Published
from nova_async.bench.steps import START, STEP, cost
from nova_async.errors import InternalError
from nova_async.explore import explore
from nova_async.explore.programs import counter, readers

SMALL = [one for one in PUBLISHED if one.optimum < 100]


class Foreign:
    """An explorer that somebody else has written."""

    name = "simloom random"

    def count(self, tasks: int, rounds: int) -> tuple[int, float]:
        return 10 * tasks, 0.5

    def first_deadlock(self, table: int, seed: int) -> tuple[int | None, float]:
        return (table if table > 2 else None), 0.5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    monkeypatch.setattr(explorer, "ENOUGH", 2)
    monkeypatch.setattr(explorer, "PUBLISHED", PUBLISHED[:2])
    monkeypatch.setattr(steps, "TASKS", (1, 3))
    monkeypatch.setattr(steps, "ROUNDS", 4)
    monkeypatch.setattr(steps, "REPEATS", 2)
    monkeypatch.setattr(first_bug, "SEEDS", 2)
    monkeypatch.setattr(first_bug, "TABLES", (2, 4))
    monkeypatch.setattr(orders, "SECTIONS", (2,))
    monkeypatch.setattr(orders, "PHILOSOPHERS", (3,))
    monkeypatch.setattr(orders, "READERS", ())
    monkeypatch.setattr(orders, "CREATORS", (1,))
    monkeypatch.setattr(orders, "MAX_SECONDS", 0.05)
    monkeypatch.setattr(orders, "WALKS", 5)
    monkeypatch.setattr(peer_process, "started", lambda *, wanted: nullcontext([Foreign()] if wanted else []))
    monkeypatch.setattr(peers, "missing", lambda: ["frontrun"])


def test_the_bench_compares_steps_rates_and_counts(small: None) -> None:
    report = explorer.run(Settings(max_seconds=0))
    figures = {(figure.name, figure.size, figure.unit): figure for figure in report.figures}
    assert figures[steps.OURS, 3, STEP].against == steps.BARE
    assert figures[CHECKED, 3, RATE].against == figures[KEPT, 3, RATE].against == UNCHECKED
    assert figures["dpor: mutex counter 3x2", 3, RATE].against == "bare: mutex counter 3x2"
    assert figures["dpor: readers(8)", 8, RATE].against == "random: readers(8)"
    assert figures["readers: optimal DPOR", 5, EXECUTIONS].median == 32
    assert figures["first deadlock: random", 4, TO_BUG].median >= 1
    assert figures[orders.turn_name("philosophers"), 3, orders.ORDERS].median == 30
    assert not any(name.startswith("simloom") for name, _, _ in figures)
    assert all("readers(13)" not in goal.what for goal in report.goals)


def test_peers_are_measured_on_the_same_programs_when_asked_for(small: None) -> None:
    report = explorer.run(Settings(max_seconds=0, peers=True))
    figures = {(figure.name, figure.size, figure.unit): figure for figure in report.figures}
    rate = figures["simloom random: mutex counter 3x2", 3, RATE]
    assert (rate.median, rate.against) == (60, "random: mutex counter 3x2")
    assert figures["first deadlock: simloom random", 4, TO_BUG].median == 4
    assert ("first deadlock: simloom random", 2, TO_BUG) not in figures
    assert any(note.startswith("Left out: frontrun is not installed") for note in report.notes)
    (goal,) = (goal for goal in report.goals if "the best peer" in goal.what)
    assert goal.at_least
    assert goal.limit == explorer.PEER_GOAL


def test_a_step_is_what_a_long_execution_takes_beyond_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROUNDS", 10)
    taken = iter((2.0, 5.0))
    monkeypatch.setattr(steps, "seconds_of", lambda work: next(taken))
    values = cost(lambda tasks, rounds, repeats: None, tasks=100)
    assert values[START] == pytest.approx(1e6)  # 2 s for 2 executions
    assert values[STEP] == pytest.approx(1.5e9 / 1000)


@pytest.mark.parametrize("name", list(steps.CONTENDERS))
def test_every_contender_takes_time_for_a_step_and_for_a_start(name: str) -> None:
    values = cost(steps.CONTENDERS[name], 2)
    assert values[STEP] > 0
    assert values[START] > 0


def test_optimal_dpor_is_optimal_and_says_so() -> None:
    values = explore_all(readers(3), optimum=8)
    assert (values[EXECUTIONS], values[OF_OPTIMUM], values[BLOCKED]) == (8, 1, 0)
    assert explore_all(readers(3), optimum=4)[OF_OPTIMUM] == 2


def test_a_search_that_could_not_cover_all_has_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "explore", partial(explore, max_executions=2))
    with pytest.raises(InternalError, match="max_executions"):
        explore_all(readers(3), optimum=8)


@pytest.mark.parametrize("one", SMALL, ids=[f"{one.name}-{one.size}" for one in SMALL])
def test_published_counts_are_what_optimal_dpor_takes(one: Published) -> None:
    assert explore_all(one.program, one.optimum)[OF_OPTIMUM] == 1


def test_a_search_that_is_done_begins_again_until_there_was_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "ENOUGH", 5)
    monkeypatch.setattr(explorer, "seconds_of", lambda work: work() or 0.5)
    assert rate(counter(2, 1), "dpor")[RATE] == 10


@pytest.mark.parametrize("strategy", [*first_bug.BY_CHANCE, *first_bug.BY_ORDER])
def test_every_strategy_finds_the_deadlock(strategy: str) -> None:
    values = first_deadlock(3, strategy, seed=1)
    assert values[TO_BUG] >= 1
    assert values[MILLISECONDS] > 0


def test_a_strategy_that_finds_nothing_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_bug, "philosophers", lambda table: counter(2, 1))
    with pytest.raises(InternalError, match="dfs finds no deadlock"):
        first_deadlock(3, "dfs", seed=1)


def test_the_goal_of_the_first_deadlock_is_the_median_of_executions_and_the_mean_of_time() -> None:
    samples = Samples()
    for executions, milliseconds in ((1, 1.0), (2, 1.0), (90, 7.0)):
        samples.add("first deadlock: random", 4, TO_BUG, executions)
        samples.add("first deadlock: random", 4, MILLISECONDS, milliseconds)
    assert [goal.value for goal in first_bug.goals(samples)] == [2, 3]
