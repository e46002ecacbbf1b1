"""The scenarios that ask for a clean answer get one, in whatever order their clients meet."""

import pytest

from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover, packaged_folder
from nova_async.scenario.parameters import values_for
from nova_async.scenario.runner import BACKENDS, run

SMALL = {"submitters": "3", "creators": "2", "pages": "2", "binds": "2"}
CLEAN = [each for each in discover([str(packaged_folder())]) if not each.expect and each.explore is None]


def not_met(scenario: Scenario, backend: str, seeds: int) -> dict[int, str]:
    """The seeds of the preemption policy with which the small version of a scenario had another answer."""
    known = {parameter.name for parameter in scenario.parameters}
    settings = {name: value for name, value in SMALL.items() if name in known}
    values = values_for(scenario.name, scenario.parameters, settings)
    outcomes = (run(scenario, values, backend=backend, seed=seed) for seed in range(seeds))
    return {outcome.seed: outcome.verdict for outcome in outcomes if not outcome.met}


def test_there_are_clean_scenarios() -> None:
    assert len(CLEAN) >= 4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", CLEAN, ids=lambda scenario: scenario.name)
def test_no_false_alarm_in_three_orders(scenario: Scenario, backend: str) -> None:
    assert not_met(scenario, backend, 3) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", CLEAN, ids=lambda scenario: scenario.name)
def test_no_false_alarm_in_a_thousand_orders(scenario: Scenario, backend: str) -> None:
    assert not_met(scenario, backend, 1000) == {}
