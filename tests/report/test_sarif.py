import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from nova_async.findings import SLUGS, Finding, Severity, Site, Witness
from nova_async.report.case import Case
from nova_async.report.sarif import fingerprint, sarif_log

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))


def log(cases: list[Case]) -> Any:
    document = json.loads(sarif_log(cases))
    Draft4Validator(SCHEMA).validate(document)
    return document["runs"][0]


def test_it_is_of_the_official_schema_and_has_every_rule(cases: list[Case]) -> None:
    rules = log(cases)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(SLUGS)


@pytest.mark.parametrize("damage", [{"level": "fatal"}, {"ruleIndexx": 1}, {"message": "text"}])
def test_the_schema_would_refuse_what_is_wrong(cases: list[Case], damage: dict[str, object]) -> None:
    document = json.loads(sarif_log(cases))
    document["runs"][0]["results"][0] |= damage
    assert not Draft4Validator(SCHEMA).is_valid(document)


def test_the_results_are_as_written_down(cases: list[Case], expect_golden: Callable[[str, str], None]) -> None:
    run = log(cases)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result.pop("ruleIndex")]["id"] == result["ruleId"]
    expect_golden("sarif.json", json.dumps({key: run[key] for key in ("invocations", "results")}, indent=2) + "\n")


def test_an_expected_finding_is_no_alert(case_of: Callable[[str], Case]) -> None:
    assert log([case_of("expected")])["results"] == []


def test_each_task_has_a_thread_flow_and_the_steps_keep_their_order(case_of: Callable[[str], Case]) -> None:
    (flow,) = log([case_of("surprised")])["results"][0]["codeFlows"]
    orders = {each["id"]: [step["executionOrder"] for step in each["locations"]] for each in flow["threadFlows"]}
    assert orders == {"drm#1": [1, 3], "vgpu#0": [2]}


def test_places_are_relative_to_the_repository(cases: list[Case]) -> None:
    text = sarif_log(cases)
    assert '"uri": "nova_async/mm/pramin.py"' in text
    assert "file://" not in text
    absolute = replace(cases[3], scenario=replace(cases[3].scenario, file="/elsewhere/x.py"))
    assert '"uri": "file:///elsewhere/x.py"' in sarif_log([absolute])


def test_an_alert_stays_the_same_while_lines_move() -> None:
    def found(line: int, function: str = "f", locks: tuple[str, ...] = ("a", "b")) -> Finding:
        witness = Witness("t", "a -> b", (Site("x.py", line, function),))
        return Finding("NOVA101", Severity.POSSIBLE, f"line {line}", locks=locks, chain=(witness,))

    assert fingerprint(found(1)) == fingerprint(found(99)) == fingerprint(found(1, locks=("b", "a")))
    assert len({fingerprint(found(1)), fingerprint(found(1, "g")), fingerprint(found(1, locks=("a", "c")))}) == 3


def test_what_is_wrong_without_a_finding_is_a_notification(cases: list[Case]) -> None:
    (invocation,) = log(cases)["invocations"]
    told = [each["message"]["text"].partition(":")[0] for each in invocation["toolExecutionNotifications"]]
    assert told == ["missing[asyncio]", "broken[asyncio]", "left[asyncio]"]
    assert not invocation["executionSuccessful"]
