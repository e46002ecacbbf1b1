import subprocess
import sys
from pathlib import Path

import pytest

from nova_async.explore import Failure
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Explored, Plan, explore_scenario

ROOT = Path(__file__).parents[2]
STRATEGIES = {"exhaustive": None, "dpor": None, "source-dpor": None, "pct": 300, "random": 300}


def explored_with(strategy: str) -> Explored:
    (race,) = discover([str(ROOT / "scenarios/window_race.py")])
    return explore_scenario(race, {}, Plan(strategy=strategy, max_executions=STRATEGIES[strategy]))


def moved_window(explored: Explored) -> Failure:
    return next(failure for failure in explored.failures if failure.finding and failure.finding.code == "NOVA304")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_the_race_and_shrinks_it_to_two_preemptions(strategy: str) -> None:
    explored = explored_with(strategy)

    assert explored.found == ("NOVA304", "NOVA306")
    assert explored.met
    assert moved_window(explored).schedule.preemptions == 2


def test_the_race_is_covered_in_full_by_those_that_cover_all() -> None:
    assert explored_with("exhaustive").result.complete
    assert explored_with("dpor").result.complete


def test_it_replays_to_the_same_text_in_a_fresh_process() -> None:
    explored = explored_with("exhaustive")
    finding = moved_window(explored).finding
    assert finding is not None

    texts = [
        subprocess.run(  # noqa: S603  our own command line
            [sys.executable, "-m", "nova_async", "replay", finding.token],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for seed in ("0", "1")
    ]
    assert texts[0] == texts[1]
    assert finding.message in " ".join(texts[0].split())
