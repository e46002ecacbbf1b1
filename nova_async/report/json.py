"""The JSON documents of design section 7. Within a schema number, changes only add."""

from collections.abc import Iterable, Mapping, Sequence

from nova_async.checks.lock_table import RowUse
from nova_async.findings import Finding
from nova_async.kernel.core import LockRow
from nova_async.lockdep import ClassStat, Times
from nova_async.report.locks import kind, used
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
        "stats": _stats_entry(outcome),
    }


def _stats_entry(outcome: Outcome) -> Entry:
    entry: Entry = {"steps": 0, **outcome.stats, "elapsed_s": round(outcome.elapsed_s, 6)}
    if outcome.lock_stat is not None:
        entry["lock_stat"] = _lock_stat_entry(outcome.lock_stat)
    return entry


def _lock_stat_entry(stats: Mapping[str, ClassStat]) -> Entry:
    return {
        name: {
            "acquisitions": stat.acquisitions,
            "contentions": stat.contentions,
            "wait_ns": _times_entry(stat.wait),
            "hold_ns": _times_entry(stat.hold),
            "longest_holder": {"task": stat.longest_holder, "at": [str(site) for site in stat.longest_at]},
        }
        for name, stat in used(stats).items()
    }


def _times_entry(times: Times) -> Entry:
    return {"count": times.count, "min": times.min, "avg": round(times.avg), "p99": times.p99, "max": times.max}


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


def litmus_document(text: str, findings: Sequence[Finding]) -> Entry:
    """``nova.litmus/1``: what a lock sequence gave."""
    entries = [finding_entry(finding) for finding in findings]
    return {"schema": "nova.litmus/1", "ok": not findings, "sequence": text, "findings": entries}


def locks_document(
    rows: Iterable[LockRow], uses: Iterable[RowUse] = (), outcomes: Iterable[Outcome] | None = None
) -> Entry:
    """``nova.locks/1``: the lock table; with ``uses``, what was seen of each lock, and with whom."""
    document: Entry = {"schema": "nova.locks/1"}
    seen = {use.row.name: use for use in uses}
    if outcomes is not None:
        ran = [(outcome.scenario.path, outcome.met) for outcome in outcomes]
        contradicted = any(use.contradictions for use in seen.values())
        document["ok"] = all(met for _, met in ran) and not contradicted
        document["scenarios"] = [{"path": path, "met": met} for path, met in ran]
    document["locks"] = [_lock_entry(row, seen.get(row.name)) for row in rows]
    return document


def _lock_entry(row: LockRow, use: RowUse | None) -> Entry:
    entry: Entry = {
        "name": row.name,
        "order": row.order,
        "kind": kind(row),
        "guards": row.guards,
        "taken_by": row.taken_by,
        "fence_path": row.fence_path,
        "reclaim_under": row.reclaim_under,
    }
    if use is not None:
        entry["observed"] = {
            "acquisitions": use.acquisitions,
            "under": list(use.under),
            "fence_path": use.signalling,
            "reclaim_under": use.reclaim,
            "contradictions": list(use.contradictions),
        }
    return entry


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
