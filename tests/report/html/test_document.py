import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nova_async.explore.result import Failure, Result
from nova_async.explore.schedule import Schedule, Step
from nova_async.findings import Finding
from nova_async.lockdep import ClassStat
from nova_async.report.case import Case, Verdict
from nova_async.report.html import report_document

GOLDEN = Path(__file__).parent / "golden" / "document.json"


def scenario_of(case: Case) -> dict[str, Any]:
    entries = report_document([case])["scenarios"]
    assert isinstance(entries, list)
    entry: dict[str, Any] = entries[0]
    return entry


def test_the_document_of_a_run_is_as_written_down(case: Case) -> None:
    assert json.dumps(report_document([case]), indent=1) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_a_page_is_ok_only_if_every_scenario_ran_and_met_its_expectation(case: Case) -> None:
    failed = replace(case, verdict=Verdict.FAILED)
    skipped = Case.not_run(case.scenario, "asyncio", "interrupted")
    pages = [report_document(cases) for cases in ([case], [case, failed], [case, skipped])]
    assert [page["ok"] for page in pages] == [True, False, False]
    assert [page["verdict"] for page in pages] == [
        "1 scenario met the expectation",
        "1 of 2 scenarios did not meet the expectation",
        "1 of 2 scenarios met the expectation, 1 not run",
    ]


def test_a_page_of_single_runs_says_that_other_orders_were_not_tried(case: Case) -> None:
    explored = replace(case, exploration=result())
    assert report_document([case])["coverage"] == (
        "Each ran once, in one order of its tasks; other orders were not tried."
    )
    assert report_document([explored])["coverage"] == ""


def test_a_finding_leads_to_the_step_where_it_was_made(case: Case) -> None:
    entry = scenario_of(case)
    assert entry["findings"][0]["step"] == entry["first_step"] == 13
    assert entry["timeline"]["findings"] == [[13, "NOVA101", case.findings[0].message]]


def test_a_finding_made_after_the_run_has_no_step(case: Case, finding: Finding) -> None:
    late = replace(finding, code="NOVA305", message="a page is lost")
    entry = scenario_of(replace(case, findings=(late,)))
    assert (entry["findings"][0]["step"], entry["first_step"]) == (None, 0)


@pytest.mark.parametrize(("token", "command"), [("", ""), ("nova1.abc", "nova-async replay nova1.abc")])
def test_a_finding_with_a_token_can_be_replayed(case: Case, finding: Finding, token: str, command: str) -> None:
    entry = scenario_of(replace(case, findings=(replace(finding, token=token),)))
    assert entry["findings"][0]["replay"] == command


def test_unexpected_findings_are_told_apart(case: Case, finding: Finding) -> None:
    entry = scenario_of(replace(case, unexpected=(finding,)))
    assert [each["expected"] for each in entry["findings"]] == [False]


def test_a_run_that_recorded_nothing_has_its_findings_all_the_same(case: Case) -> None:
    entry = scenario_of(replace(case, events=None))
    assert (entry["timeline"], entry["memory"], entry["lock_stat"]) == (None, None, None)
    assert len(entry["findings"]) == 1


def test_the_most_contended_lock_comes_first_and_pseudo_locks_not_at_all(case: Case) -> None:
    stats = {
        "quiet": ClassStat(acquisitions=9),
        "busy": ClassStat(acquisitions=9, contentions=4, longest_holder="create"),
        "fs_reclaim": ClassStat(),
    }
    rows = scenario_of(replace(case, lock_stat=stats))["lock_stat"]
    assert [(row["name"], row["contentions"]) for row in rows] == [("busy", 4), ("quiet", 0)]


def result() -> Result:
    steps = (Step("a", ("a", "b"), "acquire pramin"), Step("b", ("a", "b"), "acquire tlb"))
    failure = Failure("nobody can go on", Schedule(steps), count=3)
    return Result(
        complete=False,
        executions=12,
        states=34,
        steps=56,
        elapsed=0.7,
        failures=(failure,),
        outcomes={"returned": 9, "deadlock": 3},
        incomplete_because=("--max-executions 12 was reached",),
    )


def test_an_exploration_tells_what_it_covered_and_the_order_that_fails(case: Case) -> None:
    told = scenario_of(replace(case, exploration=result()))["exploration"]
    assert (told["complete"], told["executions"], told["states"]) == (False, 12, 34)
    assert told["failures"] == [
        {
            "message": "nobody can go on",
            "count": 3,
            "preemptions": 1,
            "steps": [["a", "acquire pramin"], ["b", "acquire tlb"]],
        }
    ]


def test_the_time_that_an_exploration_took_is_not_on_the_page(case: Case) -> None:
    fast, slow = (replace(case, exploration=replace(result(), elapsed=elapsed)) for elapsed in (0.1, 9.9))
    assert report_document([fast]) == report_document([slow])
