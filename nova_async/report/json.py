"""The JSON documents of design section 7. Within a schema number, changes only add."""

from collections.abc import Iterable

from nova_async.findings import Finding
from nova_async.scenario.declare import Scenario
from nova_async.scenario.outcome import Outcome

Entry = dict[str, object]


def run_document(outcomes: Iterable[Outcome], *, interrupted: bool = False) -> Entry:
    """``nova.run/1``: every scenario that ran. An interrupted run is not ``ok``."""
    ran = list(outcomes)
    ok = not interrupted and all(outcome.met for outcome in ran)
    entries = [_outcome_entry(outcome) for outcome in ran]
    return {"schema": "nova.run/1", "ok": ok, "interrupted": interrupted, "scenarios": entries}


def _outcome_entry(outcome: Outcome) -> Entry:
    return {
        "name": outcome.scenario.name,
        "file": outcome.scenario.file,
        "question": outcome.scenario.question,
        "parameters": dict(outcome.values),
        "backend": outcome.backend,
        "seed": outcome.seed,
        "expected": list(outcome.scenario.expect),
        "met": outcome.met,
        "verdict": outcome.verdict,
        "errors": list(outcome.errors),
        "findings": [finding_entry(finding) for finding in outcome.findings],
        "stats": {"steps": 0, **outcome.stats, "elapsed_s": round(outcome.elapsed_s, 6)},
    }


def finding_entry(finding: Finding) -> Entry:
    """One finding, as every schema has it."""
    return {
        "code": finding.code,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "message": finding.message,
        "tasks": list(finding.tasks),
        "locks": list(finding.locks),
        "token": finding.token,
    }


def list_document(scenarios: Iterable[Scenario]) -> Entry:
    """``nova.list/1``: every scenario, with its parameters."""
    return {"schema": "nova.list/1", "scenarios": [_scenario_entry(each) for each in scenarios]}


def _scenario_entry(scenario: Scenario) -> Entry:
    return {
        "name": scenario.name,
        "file": scenario.file,
        "question": scenario.question,
        "expected": list(scenario.expect),
        "explore": scenario.explore,
        "parameters": [
            {"name": each.name, "type": each.type_name, "default": each.default} for each in scenario.parameters
        ],
    }
