"""docs/performance.md says what docs/performance/bench.json has."""

from pathlib import Path

import pytest

import nova_async
from nova_async.bench import BENCHES
from nova_async.bench.figure import Goal
from nova_async.bench.plot import page
from nova_async.bench.saved import figures_of, load
from nova_async.bench.show import goal_line

DOCS = Path(nova_async.__file__).parents[1] / "docs"
SAVED = load(DOCS / "performance" / "bench.json")
GOALS = [
    Goal(**{name: value for name, value in entry.items() if name != "met"})
    for bench in SAVED["benches"]
    for entry in bench["goals"]
]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: str(goal.what))
def test_every_bar_of_the_saved_run_is_on_the_page(goal: Goal) -> None:
    assert f"- {goal_line(goal)}\n" in (DOCS / "performance.md").read_text(encoding="utf-8")


def test_no_bar_is_on_the_page_that_is_not_in_the_saved_run() -> None:
    lines = (DOCS / "performance.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(("- met: ", "- MISSED: ")) for line in lines) == len(GOALS)


def test_the_saved_run_is_one_of_benches_that_there_are_and_can_be_drawn() -> None:
    assert {bench["name"] for bench in SAVED["benches"]} <= set(BENCHES)
    assert len(figures_of(SAVED)) > 300
    assert "uPlot" in page(SAVED)
