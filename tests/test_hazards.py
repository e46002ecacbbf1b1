"""Every hazard of docs/facts/hazards.md is a scenario, or it is said here why it is none."""

import re
from pathlib import Path

import pytest

from nova_async.scenario import CLEAN
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Plan, explore_scenario
from nova_async.scenario.parameters import values_for
from nova_async.scenario.runner import run

ROOT = Path(__file__).parent.parent
HAZARDS = discover([str(ROOT / "scenarios" / "hazards")])
REFERENCE = (ROOT / "docs" / "facts" / "hazards.md").read_text(encoding="utf-8")

WITHOUT_SCENARIO = {
    "B17": "writes through the window are never late in the model, so there is nothing to flush before an invalidate",
}
"""Hazards that no scenario can show today."""

WITHOUT_OURS = {
    "map_in_run_stage": "ours has both calls on one type as well",
    "window_left_behind": "ours leaves the window where it is as well",
    "refuted": "the published code is right",
}
"""Files without a clean form of ours."""


def sections(reference: str) -> dict[str, str]:
    """The text of each hazard by its letter or number: ``(a)`` to ``(k)``, ``B1`` to ``B20``."""
    headed = re.finditer(r"### \((\w)\).*?(?=\n### |\n---)", reference, re.DOTALL)
    lettered = {f"({found[1]})": found[0] for found in headed}
    numbered = reference.partition("## B.")[2].partition("\nRefuted:")[0]
    return lettered | {f"B{found[1]}": found[0] for found in re.finditer(r"^(\d+)\. .*$", numbered, re.MULTILINE)}


def named_in(scenario: Scenario) -> set[str]:
    """The hazards that a docstring is about: those it names right after the question."""
    said = re.search(r"\n\n\s*Hazards? ((?:\(\w\)|B\d+)(?: and (?:\(\w\)|B\d+))*)", scenario.function.__doc__ or "")
    return set(said[1].split(" and ")) if said else set()


def by_file() -> dict[str, list[Scenario]]:
    files: dict[str, list[Scenario]] = {}
    for scenario in HAZARDS:
        files.setdefault(Path(scenario.file).stem, []).append(scenario)
    return files


TRUE = {name for name, text in sections(REFERENCE).items() if re.search("PROVEN|COND", text)}
NAMED = {name for scenario in HAZARDS for name in named_in(scenario)}


def test_the_reference_has_eleven_candidates_and_twenty_more() -> None:
    assert list(sections(REFERENCE)) == [*(f"({letter})" for letter in "abcdefghijk"), *(f"B{n}" for n in range(1, 21))]
    assert sections(REFERENCE).keys() - TRUE == {"B18", "B20"}


@pytest.mark.parametrize("hazard", sorted(TRUE))
def test_a_hazard_that_is_true_has_a_scenario_or_a_reason(hazard: str) -> None:
    assert (hazard in NAMED) != (hazard in WITHOUT_SCENARIO)


@pytest.mark.parametrize("scenario", HAZARDS, ids=lambda scenario: scenario.name)
def test_a_scenario_names_its_hazard_and_its_source(scenario: Scenario) -> None:
    said = scenario.function.__doc__ or ""
    assert named_in(scenario) <= set(sections(REFERENCE))
    assert named_in(scenario) or "REFUTED" in said
    ours = scenario.name.endswith("_ours")
    assert ours or re.search("seed|series|published|mm.rs", said)


@pytest.mark.parametrize("file", sorted(by_file()))
def test_what_is_broken_as_published_is_clean_as_ours_or_it_is_said_why_not(file: str) -> None:
    ours = [scenario for scenario in by_file()[file] if scenario.name.endswith("_ours")]
    assert bool(ours) != (file in WITHOUT_OURS)
    assert {scenario.expect for scenario in ours} <= {CLEAN}


def test_the_index_asks_no_question_twice() -> None:
    questions = [scenario.question for scenario in HAZARDS]
    assert len(set(questions)) == len(questions)


@pytest.mark.nightly
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(21))
def test_the_sequence_is_forced_whatever_the_seed(backend: str, seed: int) -> None:
    outcomes = [
        run(scenario, values_for(scenario.name, scenario.parameters, {}), backend=backend, seed=seed)
        for scenario in HAZARDS
    ]
    assert {outcome.scenario.name: outcome.verdict for outcome in outcomes if outcome.verdict != "met"} == {}


IN_PART = {
    "flushes_interleave": "nobody guards the registers, so nobody tells what is in them",
    "one_slot_two_prepares": "forced into one order by events that are no points",
    "one_slot_two_prepares_ours": "likewise",
    "one_bar1_user_ours": "many orders: see the nightly test",
}
"""Scenarios whose orders are not all covered within the executions of the test below."""


@pytest.mark.parametrize("scenario", HAZARDS, ids=lambda scenario: scenario.name)
def test_it_meets_its_expectation_in_every_order(scenario: Scenario) -> None:
    values = values_for(scenario.name, scenario.parameters, {})
    explored = explore_scenario(scenario, values, Plan(max_executions=150), shrink_seconds=0)

    assert explored.met, (explored.found, explored.errors)
    assert explored.result.complete is (scenario.name not in IN_PART), explored.result.incomplete_because


OURS = [scenario for scenario in HAZARDS if scenario.name.endswith("_ours")]


@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.name)
def test_ours_is_clean_wherever_a_client_is_killed(scenario: Scenario) -> None:
    values = values_for(scenario.name, scenario.parameters, {})
    explored = explore_scenario(scenario, values, Plan(kill=("*",), max_executions=150), shrink_seconds=0)

    assert explored.met, (explored.found, explored.errors)
