"""Every scenario of the repository meets its expectation, and finds the same on asyncio and on trio."""

from pathlib import Path

import pytest

from nova_async.report.json import finding_entry
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Plan, explore_scenario
from nova_async.scenario.parameters import values_for
from nova_async.scenario.runner import run

SCENARIOS = discover([str(Path(__file__).parent.parent / "scenarios")])


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS if scenario.explore is None])
def test_it_meets_its_expectation_on_both_backends(name: str, seed: int) -> None:
    scenario = named(name)
    outcomes = [
        run(scenario, values_for(scenario.name, scenario.parameters, {}), backend=backend, seed=seed)
        for backend in ("asyncio", "trio")
    ]
    assert [outcome.verdict for outcome in outcomes] == ["met", "met"], outcomes
    assert outcomes[0].found == outcomes[1].found


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS if scenario.explore is not None])
def test_it_meets_its_expectation_in_every_order(name: str) -> None:
    scenario = named(name)
    plan = Plan(strategy=scenario.explore or "exhaustive")
    explored = explore_scenario(scenario, values_for(scenario.name, scenario.parameters, {}), plan, shrink_seconds=0)

    assert explored.result.complete
    assert explored.met


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["reclaimer", "mixed_clients", "one_lock_for_both_phases"])
def test_the_same_seed_gives_the_same_findings_and_counts(name: str, backend: str) -> None:
    scenario = named(name)
    values = values_for(scenario.name, scenario.parameters, {})
    first, second = (run(scenario, values, backend=backend, seed=3) for _ in range(2))
    assert [finding_entry(finding) for finding in first.findings] == [
        finding_entry(finding) for finding in second.findings
    ]
    assert first.stats == second.stats


def test_the_questions_of_the_readme_are_all_there() -> None:
    assert len(SCENARIOS) >= 8


def named(name: str) -> Scenario:
    return next(scenario for scenario in SCENARIOS if scenario.name == name)
