from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from nova_async.bench import Settings, hazards
from nova_async.bench.figure import Report
from nova_async.bench.hazards import FOUND, MEDIAN, SECONDS, WHOLE, hazards_in, summary_name, time_name, whole_name
from nova_async.bench.races import free_lock_order
from nova_async.bench.saved import slower
from nova_async.bench.show import tables
from nova_async.errors import UsageError
from nova_async.explore.strategies import STRATEGIES
from nova_async.scenario import Scenario
from nova_async.scenario.discovery import packaged_folder

Values = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def all_hazards() -> list[Scenario]:
    return hazards_in(packaged_folder())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, all_hazards: list[Scenario]) -> None:
    """As the bench, on two hazards and two races."""
    chosen = [each for each in all_hazards if each.name in ("two_pramins", "unbound_device_guard", "window_race")]
    monkeypatch.setattr(hazards, "hazards_in", lambda _: chosen)
    monkeypatch.setattr(hazards, "RACES", (free_lock_order,))
    monkeypatch.setattr(hazards, "SEEDS", 2)
    monkeypatch.setattr(hazards, "MAX_EXECUTIONS", 20)


def values_of(report: Report) -> Values:
    return {(figure.name, figure.unit): figure.median for figure in report.figures}


def test_every_hazard_is_a_row_and_every_strategy_a_column(small: None) -> None:
    report = hazards.run(Settings())
    values = values_of(report)
    for strategy in STRATEGIES:
        for name in ("two_pramins", "unbound_device_guard", "window_race", "free_lock_order"):
            assert values[name, f"executions {strategy}"] == 1
            assert values[time_name(name), f"ms {strategy}"] > 0
        assert values[summary_name(strategy), FOUND] == 4
        assert values[summary_name(strategy), MEDIAN] == 1
    assert values[whole_name("window_race"), "executions dfs"] == 4
    assert (whole_name("two_pramins"), "executions dfs") not in values
    assert [goal.met for goal in report.goals] == [True]


def test_all_but_the_times_is_the_same_every_time(small: None) -> None:
    first, second = (
        {key: value for key, value in values_of(hazards.run(Settings())).items() if not key[1].startswith(("ms", "s "))}
        for _ in range(2)
    )
    assert first == second


def test_what_is_not_found_has_no_number_and_a_line(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hazards, "MAX_EXECUTIONS", 3)
    report = hazards.run(Settings())
    values = values_of(report)
    assert (whole_name("window_race"), "executions dfs") not in values
    assert "Not found: window_race, whole answer by dfs, in 2 of 2 rounds." in report.notes
    assert (values[summary_name("dfs"), FOUND], values[summary_name("dfs"), WHOLE]) == (4, 3)
    assert [goal.met for goal in report.goals] == [True]


def test_what_some_seeds_find_has_a_number_and_a_line(
    monkeypatch: pytest.MonkeyPatch, all_hazards: list[Scenario]
) -> None:
    monkeypatch.setattr(hazards, "hazards_in", lambda _: [each for each in all_hazards if each.name == "window_race"])
    monkeypatch.setattr(hazards, "RACES", ())
    monkeypatch.setattr(hazards, "MAX_EXECUTIONS", 1)
    report = hazards.run(Settings())
    assert values_of(report)[whole_name("window_race"), "executions random"] == 1
    (line,) = (note for note in report.notes if "window_race, whole answer by random" in note)
    assert line.endswith(tuple(f"in {seeds} of 5 rounds." for seeds in range(1, 5)))


def test_a_hazard_that_a_strategy_misses_is_a_missed_goal(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hazards, "MAX_SECONDS", 0.0)
    report = hazards.run(Settings())
    assert [(goal.value, goal.limit, goal.met) for goal in report.goals] == [(0, 4, False)]
    assert MEDIAN not in {figure.unit for figure in report.figures}


def test_without_time_there_is_one_round(small: None) -> None:
    report = hazards.run(Settings(max_seconds=1e-9))
    assert {figure.rounds for figure in report.figures} == {1}


def test_the_tables_can_be_read_at_120_columns(small: None) -> None:
    report = hazards.run(Settings())
    out = StringIO()
    Console(file=out, width=120).print(*tables(report))
    lines = out.getvalue().splitlines()
    assert sum(line.split()[:1] == ["window_race"] for line in lines) == 1
    assert sum(" ".join(line.split()).startswith("free_lock_order, whole answer: ms 20 ") for line in lines) == 1


def test_times_are_compared_with_a_saved_run_as_times(small: None) -> None:
    report = hazards.run(Settings())
    before = {("hazards", each.name, each.size, each.unit): each for each in report.figures}
    assert not list(slower([report], before))
    against = {figure.against for figure in report.figures if figure.unit == SECONDS}
    assert against == {"", summary_name("dfs")}


def test_every_hazard_that_expects_something_is_hunted(all_hazards: list[Scenario]) -> None:
    names = [each.name for each in all_hazards]
    assert {"flushes_interleave", "reclaim_inversion", "window_race"} <= set(names)
    assert len(names) == len(set(names)) >= 38
    assert all(each.expect for each in all_hazards)
    assert "opposite_order" not in names  # no hazard, and nobody's choice


def test_without_scenarios_it_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run it from a checkout"):
        hazards_in(tmp_path)
