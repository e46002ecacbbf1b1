"""SARIF 2.1.0, for code scanning: one result for each finding that nobody expected.

An expected finding is an answer and no alert. What is wrong without being a finding, an exception or an expected
finding that did not come, is a notification of the invocation.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import PurePath
from urllib.parse import quote

from nova_async import __version__
from nova_async.findings import SLUGS, Finding, Severity, Site
from nova_async.report.case import Case, Verdict
from nova_async.report.places import sites_of
from nova_async.rules import rule

Entry = dict[str, object]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "novaFinding/v1"
LEVELS = {Severity.PROVED: "error", Severity.POSSIBLE: "warning"}


def sarif_log(cases: Sequence[Case]) -> str:
    """The whole file."""
    results = [_result(case, finding) for case in cases for finding in case.unexpected]
    notifications = [each for case in cases for each in _notifications(case)]
    driver: Entry = {
        "name": "nova-async",
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in SLUGS],
    }
    run: Entry = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


@cache
def _rule(code: str) -> Entry:
    explained = rule(code)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in explained.slug.split("-")),
        "shortDescription": {"text": explained.title},
        "fullDescription": {"text": explained.summary},
        "help": {"text": f"nova-async explain {code}", "markdown": explained.text},
    }


def _result(case: Case, finding: Finding) -> Entry:
    places = [_location(site) for site in sites_of(finding)] or [_scenario_location(case)]
    result: Entry = {
        "ruleId": finding.code,
        "ruleIndex": list(SLUGS).index(finding.code),
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}\n\nrun it again: {case.rerun}"},
        "locations": places[:1],
        "partialFingerprints": {FINGERPRINT: fingerprint(finding)},
        "properties": {"scenario": case.name, "tasks": list(finding.tasks), "locks": list(finding.locks)},
    }
    if places[1:]:
        result["relatedLocations"] = [{"id": number, **place} for number, place in enumerate(places[1:], start=1)]
    if finding.columns:
        result["codeFlows"] = [_code_flow(finding)]
    return result


def fingerprint(finding: Finding) -> str:
    """One alert stays one alert while lines move and schedules differ: code, locks and functions."""
    functions = sorted({site.function for site in sites_of(finding)})
    return blake2b("\n".join([finding.code, *sorted(finding.locks), *functions]).encode(), digest_size=16).hexdigest()


def _code_flow(finding: Finding) -> Entry:
    """What could go wrong, a thread flow for each task."""
    tasks = dict.fromkeys(task for task, _ in finding.columns)
    return {"message": {"text": "what could go wrong"}, "threadFlows": [_thread_flow(finding, task) for task in tasks]}


def _thread_flow(finding: Finding, task: str) -> Entry:
    """The steps of one task, where it was seen; those of all tasks are numbered in order of time."""
    sites = (site for witness in (*finding.chain, *finding.held) if witness.task == task for site in witness.sites)
    site = next(sites, None)
    place = _place(site.file, site.line) if site is not None else {}
    return {
        "id": task,
        "locations": [
            {"executionOrder": number, "location": {**place, "message": {"text": f"{task} {step}"}}}
            for number, (who, step) in enumerate(finding.columns, start=1)
            if who == task
        ],
    }


def _location(site: Site) -> Entry:
    return _place(site.file, site.line) | {"logicalLocations": [{"fullyQualifiedName": site.function}]}


def _scenario_location(case: Case) -> Entry:
    return _place(case.file, case.line)


def _place(file: str, line: int) -> Entry:
    path = PurePath(file)
    artifact: Entry = {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    if not path.is_absolute():
        artifact["uriBaseId"] = "%SRCROOT%"
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}}}


def _notifications(case: Case) -> Iterator[Entry]:
    """An exception, and an expected finding that did not come; also what was never run."""
    texts = list(case.errors)
    missing = [code for code in case.codes if code not in {finding.code for finding in case.unexpected}]
    if case.verdict is Verdict.SKIPPED:
        texts.append(f"not run: {case.said}")
    elif missing and not case.errors:
        texts.append(f"expected {', '.join(missing)} and did not find it")
    for text in texts:
        yield {
            "level": "warning" if case.verdict is Verdict.SKIPPED else "error",
            "message": {"text": f"{case.name}: {text}"},
            "locations": [_scenario_location(case)],
        }
