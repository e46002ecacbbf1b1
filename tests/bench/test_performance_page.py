"""docs/performance.md says what docs/performance/bench.json has."""

import json
from pathlib import Path

import pytest

import nova_async
from nova_async.bench import BENCHES
from nova_async.bench.figure import Figure, Goal, Report
from nova_async.bench.orders import ESTIMATED, STATES, turn_name
from nova_async.bench.performance_page import BEGIN, END, NEXT, goals_of, main, merged, renewed
from nova_async.bench.plot import page
from nova_async.bench.saved import figures_of, load
from nova_async.bench.show import document, goal_line
from nova_async.errors import UsageError

DOCS = Path(nova_async.__file__).parents[1] / "docs"
SAVED = load(DOCS / "performance" / "bench.json")
GOALS = list(goals_of(SAVED))

BARS = "# How fast\n\n- met: old: 1, at most 2 wanted\n- MISSED: older: 3, at most 2 wanted\n\nProse.\n\n"
SMALL = f"{BARS}{NEXT}\n\nMore prose.\n"
FOUND = Report(
    "hazards",
    (
        Figure("two_windows", 300, "executions dfs", 4, 0, 3),
        Figure("two_windows: ms", 300, "ms dfs", 5.6, 0.2, 3),
        Figure("all hazards: dfs", 300, "hazards found", 1, 0, 3),
    ),
    (Goal("hazards found", 1, 1, at_least=True),),
)
STATES_SEEN = Report(
    "explorer",
    (
        Figure(turn_name("2 creators"), 4, STATES, 3755, 0, 1),
        Figure(turn_name("2 creators"), 4, ESTIMATED, 4.37e26, 0, 1),
    ),
)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: str(goal.what))
def test_every_bar_of_the_saved_run_is_on_the_page(goal: Goal) -> None:
    assert f"- {goal_line(goal)}\n" in (DOCS / "performance.md").read_text(encoding="utf-8")


def test_no_bar_is_on_the_page_that_is_not_in_the_saved_run() -> None:
    lines = (DOCS / "performance.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(("- met: ", "- MISSED: ")) for line in lines) == len(GOALS)


def test_the_page_is_what_its_generator_makes_of_the_saved_run() -> None:
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert renewed(text, SAVED) == text


def test_the_saved_run_is_one_of_benches_that_there_are_and_can_be_drawn() -> None:
    assert {bench["name"] for bench in SAVED["benches"]} <= set(BENCHES)
    assert len(figures_of(SAVED)) > 300
    assert "uPlot" in page(SAVED)


def test_bars_are_replaced_and_prose_stays() -> None:
    text = renewed(SMALL, document([Report("toy", (), (Goal("new", 1, 2),))]))
    assert text == f"# How fast\n\n- met: new: 1, at most 2 wanted\n\nProse.\n\n{NEXT}\n\nMore prose.\n"


def test_the_table_of_first_bugs_has_a_column_for_each_strategy_and_a_dash_for_what_was_not_found() -> None:
    text = renewed(SMALL, document([FOUND]))
    assert "| hazard | exhaustive | dpor | source-dpor | dfs | pct | random |" in text
    assert "| two_windows | - | - | - | 4, 5.6 ms | - | - |" in text
    assert "| **found** | - | - | - | 1 | - | - |" in text
    assert text.index(END) < text.index(NEXT)


def test_states_stand_beside_orders() -> None:
    assert "| 2 creators | 4 | 3755 | - | 4.37e+26 |" in renewed(SMALL, document([STATES_SEEN]))


def test_tables_are_written_anew_in_their_place() -> None:
    before = renewed(SMALL, document([FOUND]))
    after = renewed(before, document([FOUND, STATES_SEEN]))
    assert after.count(BEGIN) == after.count(END) == after.count("## To the first bug") == 1
    assert renewed(after, document([FOUND])) == before


def test_a_newer_bench_takes_the_place_of_an_older_one_and_the_others_stay() -> None:
    missed = Report("hazards", (), (Goal("hazards found", 0, 1, at_least=True),))
    both = merged(document([STATES_SEEN, FOUND]), document([missed]))
    assert [bench["name"] for bench in both["benches"]] == ["explorer", "hazards"]
    assert [goal.value for goal in goals_of(both)] == [0]
    assert both["ok"] is False


def test_runs_of_two_machines_are_not_put_on_one_page() -> None:
    other = {**document([FOUND]), "machine": {"python": "PyPy"}}
    with pytest.raises(UsageError, match="PyPy"):
        merged(document([FOUND]), other)


def test_one_command_puts_a_run_into_the_saved_one_and_writes_the_page(tmp_path: Path) -> None:
    (tmp_path / "performance").mkdir()
    saved, new = tmp_path / "performance" / "bench.json", tmp_path / "new.json"
    saved.write_text(json.dumps(document([STATES_SEEN])), encoding="utf-8")
    new.write_text(json.dumps(document([FOUND])), encoding="utf-8")
    (tmp_path / "performance.md").write_text(SMALL, encoding="utf-8")
    main(str(tmp_path), str(new))
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert text == renewed(SMALL, load(saved))
    assert "- met: hazards found: 1, at least 1 wanted\n" in text
    assert "two_windows" in text
    assert "2 creators" in text
