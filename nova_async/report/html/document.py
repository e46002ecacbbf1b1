"""What the HTML page shows, as plain data: ``nova.report/1``. The page itself is the same for all.

``scenarios`` holds one entry for each case. What a run did not record is null, and the page leaves it out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import nova_async
from nova_async.explore.result import Failure, Result
from nova_async.findings import SLUGS, Finding, Witness
from nova_async.lockdep import ClassStat, Times
from nova_async.report.case import Case, Verdict
from nova_async.report.html.lock_graph import graph_entry
from nova_async.report.html.memory import memory_entry
from nova_async.report.html.timeline import Steps, step_of, timeline_entry
from nova_async.report.locks import used
from nova_async.report.text import count

Entry = dict[str, object]

ONE_ORDER = "Each ran once, in one order of its tasks; other orders were not tried."


def report_document(cases: Sequence[Case]) -> Entry:
    """The document of a page, its scenarios in the order of ``cases``."""
    codes = Counter(finding.code for case in cases for finding in case.findings)
    return {
        "schema": "nova.report/1",
        "tool": f"nova-async {nova_async.__version__}",
        "title": cases[0].name if len(cases) == 1 else count(len(cases), "scenario"),
        "ok": all(case.passed for case in cases),
        "verdict": verdict(cases),
        "coverage": ONE_ORDER if any(_ran_once(case) for case in cases) else "",
        "codes": [[code, SLUGS[code], times] for code, times in sorted(codes.items())],
        "scenarios": [case_entry(case) for case in cases],
    }


def _ran_once(case: Case) -> bool:
    return case.exploration is None and case.verdict is not Verdict.SKIPPED


def verdict(cases: Sequence[Case]) -> str:
    """In a sentence: how many met the expectation, how many did not, how many were not run."""
    unmet = sum(case.verdict in (Verdict.FAILED, Verdict.ERROR) for case in cases)
    left = sum(case.verdict is Verdict.SKIPPED for case in cases)
    all_of_them = count(len(cases), "scenario")
    said = f"{unmet} of {all_of_them} did not meet the expectation" if unmet else f"{all_of_them} met the expectation"
    if left and not unmet:
        said = f"{len(cases) - left} of {all_of_them} met the expectation"
    return f"{said}, {left} not run" if left else said


def case_entry(case: Case) -> Entry:
    """One scenario, whole."""
    steps = Steps.of(case.events) if case.events is not None else Steps((), (), 0)
    found_at = [step_of(finding, steps) for finding in case.findings]
    found = list(zip(case.findings, found_at, strict=True))
    timeline = timeline_entry(steps) if steps.shown else None
    if timeline is not None:
        timeline["findings"] = [[at, finding.code, finding.message] for finding, at in found if at is not None]
    return {
        **_facts(case),
        "findings": [_finding_entry(finding, at, expected=finding not in case.unexpected) for finding, at in found],
        "graph": graph_entry(case.lock_graph, case.findings),
        "timeline": timeline,
        "first_step": next((at for at in found_at if at is not None), 0),
        "memory": memory_entry(steps),
        "lock_stat": None if case.lock_stat is None else _lock_stat_entries(case.lock_stat),
        "exploration": None if case.exploration is None else _exploration_entry(case.exploration),
    }


def _facts(case: Case) -> Entry:
    scenario = case.scenario
    return {
        "name": case.name,
        "file": case.file,
        "question": scenario.question,
        "expected": list(scenario.expect),
        "passed": case.passed,
        "mark": str(case.verdict),
        "verdict": case.said,
        "properties": {
            name: value for name, value in case.properties.items() if name not in {"expected", "found", "token"}
        },
        "command": case.rerun,
        "errors": list(case.errors),
        "traceback": case.traceback,
        "stats": dict(case.stats),
    }


def _finding_entry(finding: Finding, at: int | None, *, expected: bool) -> Entry:
    return {
        "code": finding.code,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "message": finding.message,
        "expected": expected,
        "held": _witnesses(finding.held),
        "chain": _witnesses(finding.chain),
        "columns": [list(row) for row in finding.columns],
        "advice": finding.advice,
        "explain": f"nova-async explain {finding.code}",
        "replay": f"nova-async replay {finding.token}" if finding.token else "",
        "step": at,
    }


def _witnesses(witnesses: Sequence[Witness]) -> list[Entry]:
    return [
        {"task": witness.task, "did": witness.did, "sites": [str(site) for site in witness.sites]}
        for witness in witnesses
    ]


def _lock_stat_entries(stats: Mapping[str, ClassStat]) -> list[Entry]:
    ranked = sorted(used(stats).items(), key=lambda item: (-item[1].contentions, -item[1].wait.total, item[0]))
    return [_lock_stat_entry(name, stat) for name, stat in ranked]


def _lock_stat_entry(name: str, stat: ClassStat) -> Entry:
    return {
        "name": name,
        "acquisitions": stat.acquisitions,
        "contentions": stat.contentions,
        "wait": _times_entry(stat.wait),
        "hold": _times_entry(stat.hold),
        "longest_holder": stat.longest_holder,
        "longest_at": str(stat.longest_at[0]) if stat.longest_at else "",
    }


def _times_entry(times: Times) -> Entry:
    return {"count": times.count, "min": times.min, "avg": round(times.avg), "p99": times.p99, "max": times.max}


def _exploration_entry(result: Result) -> Entry:
    """Without the time it took: the page of one seed is the same every time."""
    return {
        "complete": result.complete,
        "incomplete_because": list(result.incomplete_because),
        "interrupted": result.interrupted,
        "executions": result.executions,
        "states": result.states,
        "steps": result.steps,
        "outcomes": dict(result.outcomes),
        "failures": [_failure_entry(failure) for failure in result.failures],
    }


def _failure_entry(failure: Failure) -> Entry:
    schedule = failure.schedule
    return {
        "message": failure.message,
        "count": failure.count,
        "preemptions": schedule.preemptions,
        "steps": [[step.task, step.did] for step in schedule.steps],
    }
