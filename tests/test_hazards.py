"""Every hazard of docs/facts/hazards.md is a scenario, or it is said here why it is none."""

import faulthandler
import re
from pathlib import Path

import pytest

from nova_async.clients.forcing import nothing_fails, silent_bus, silent_tlb
from nova_async.explore import Token
from nova_async.report.proofs import ALL, FAULTS, KILLS, SIZES, Broken, hazards, page, prove, shrunk
from nova_async.scenario import CLEAN, World
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Plan, explore_scenario, replay
from nova_async.scenario.parameters import values_for
from nova_async.scenario.runner import run

ROOT = Path(__file__).parent.parent
FOLDER = str(ROOT / "scenarios" / "hazards")
PAGE = ROOT / "docs" / "hazards-proven.md"
HAZARDS = discover([FOLDER])
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


@pytest.mark.parametrize("scenario", HAZARDS, ids=lambda scenario: scenario.name)
def test_it_meets_its_expectation_in_every_order(scenario: Scenario) -> None:
    values = values_for(scenario.name, scenario.parameters, SIZES.get(scenario.name, {}))
    explored = explore_scenario(scenario, values, Plan(max_executions=1000), shrink_seconds=0)

    assert explored.met, (explored.found, explored.errors)
    assert explored.result.complete, explored.result.incomplete_because


async def test_a_forced_failure_leaves_everything_else_to_fail_at_its_own_rate(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        world.inject(alloc=0.0, tlb=0.25)
        before = world.kernel.faults.rates
        with silent_tlb(gpu):
            assert world.kernel.faults.rates == {"alloc": 0.0, "tlb": 1.0}
        with silent_bus(gpu), nothing_fails(gpu):
            assert world.kernel.faults.rates == {}
        assert world.kernel.faults.rates == before


OURS, BROKEN = hazards(FOLDER)
SOME = 25
"""Executions of each of ours in the ordinary suite, with all that may go wrong; the nightly test does all of them."""


@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.name)
def test_ours_is_clean_wherever_a_client_is_killed_and_whatever_fails(scenario: Scenario) -> None:
    values = values_for(scenario.name, scenario.parameters, SIZES.get(scenario.name, {}))
    plan = Plan(kill=KILLS, fail=FAULTS, max_executions=SOME)
    explored = explore_scenario(scenario, values, plan, shrink_seconds=0)

    assert explored.met, (explored.found, explored.errors)
    assert explored.result.executions > 1


def test_one_of_ours_is_proven_with_all_that_may_go_wrong_together() -> None:
    two_windows = next(scenario for scenario in OURS if scenario.name == "two_windows_ours")
    (proof,) = prove(two_windows)
    assert proof.explored.result.complete
    assert proof.row[3] == "clean"


@pytest.mark.parametrize("scenario", BROKEN[:: len(BROKEN) // 4], ids=lambda scenario: scenario.name)
def test_a_broken_form_has_a_simplest_schedule_that_replays(scenario: Scenario) -> None:
    check_shrunk(scenario)


def check_shrunk(scenario: Scenario) -> list[Broken]:
    """Each expected finding has a schedule that is no longer than the one first found, and finds it again."""
    broken = shrunk(scenario)
    assert tuple(each.code for each in broken) == scenario.expect
    for each in broken:
        assert each.least.simplicity <= each.found.simplicity
        assert each.code in replay(scenario, Token.parse(each.token)).found
    return broken


def rows_of(scenario: Scenario, page: str) -> list[str]:
    """The rows of the page about one scenario, without how long it took."""
    rows = [line for line in page.splitlines() if line.startswith(f"| `{scenario.name}`")]
    return [re.sub(r" [\d.]+ \|$", "", row) if scenario in OURS else row for row in rows]


@pytest.fixture
def patient() -> None:
    """A test that takes minutes, and is known to, is no test that hangs."""
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.nightly
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.name)
def test_ours_is_proven_as_the_page_says(scenario: Scenario) -> None:
    proofs = list(prove(scenario))
    assert {proof.row[3] for proof in proofs} == {"clean"}
    assert {proof.injected for proof in proofs if not proof.explored.result.complete} <= {ALL}
    assert rows_of(scenario, page([proof.proven for proof in proofs], [])) == rows_of(
        scenario, PAGE.read_text(encoding="utf-8")
    )


@pytest.mark.nightly
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("scenario", BROKEN, ids=lambda scenario: scenario.name)
def test_a_broken_form_has_the_schedule_that_the_page_says(scenario: Scenario) -> None:
    broken = check_shrunk(scenario)
    assert rows_of(scenario, page([], [each.row for each in broken])) == rows_of(
        scenario, PAGE.read_text(encoding="utf-8")
    )


def test_the_page_has_every_scenario() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [scenario.name for scenario in (*OURS, *BROKEN) if not rows_of(scenario, text)] == []
