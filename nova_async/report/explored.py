"""Scenarios that were explored: as a table, as text, as the JSON of design section 7, and as cases of reports."""

import shlex
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from nova_async.explore.result import Failure, Result
from nova_async.explore.schedule import Schedule
from nova_async.explore.token import SHORT
from nova_async.lockdep import LockGraph, splat
from nova_async.report.case import Case, Verdict
from nova_async.report.columns import columns, switches_text
from nova_async.report.json import Entry, finding_entry
from nova_async.report.text import count, empty_table, expectation
from nova_async.scenario.exploring import Explored, Plan
from nova_async.scenario.failure_recording import FailureRecording
from nova_async.scenario.outcome import Outcome

SCHEMA = "nova.explore/1"


def outcome_of(explored: Explored, recording: FailureRecording | None = None) -> Outcome:
    """As if it had run once, on a backend named after the strategy.

    Args:
        explored: the scenario.
        recording: of what went wrong in it, if that was recorded.
    """
    result = explored.result
    stats = {"executions": result.executions, "states": result.states, "steps": result.steps}
    stats["complete"] = int(result.complete)
    return Outcome(
        explored.scenario,
        explored.values,
        explored.plan.strategy,
        explored.plan.seed,
        findings=explored.findings,
        errors=explored.errors,
        stats=stats,
        elapsed_s=result.elapsed,
        lock_graph=recording.lock_graph if recording is not None else LockGraph(),
        events=recording.events if recording is not None else None,
    )


def verdict(explored: Explored) -> str:
    """In words: ``met``, ``inconclusive``, or what is wrong."""
    if explored.conclusive:
        return outcome_of(explored).verdict
    return "; ".join(["inconclusive", *(f"no {code} so far" for code in explored.missing)])


def coverage(result: Result) -> str:
    """``complete``, or why not."""
    return "complete" if result.complete else "; ".join(result.incomplete_because)


def explore_table(several: Iterable[Explored], *, compact: bool = False) -> Table:
    """What was covered, and what came of it; ``compact`` leaves out why that is not all, and puts names together."""
    if compact:
        table = empty_table("scenario", "coverage", "executions", "states", "time", "found", "verdict")
    else:
        numbers = ("executions", "states", "steps", "time")
        table = empty_table("scenario", "strategy", "coverage", *numbers, "found", "verdict")
    for column in table.columns:
        if column.header in ("executions", "states", "steps", "time"):
            column.justify, column.no_wrap = "right", True
    for explored in several:
        table.add_row(*(_compact_row(explored) if compact else _row(explored)))
    return table


def _row(explored: Explored) -> list[str | Text]:
    executions, states, *rest = _cells(explored)
    steps = f"{explored.result.steps:,}"
    covered = coverage(explored.result)
    return [explored.scenario.name, explored.plan.strategy, covered, executions, states, steps, *rest]


def _compact_row(explored: Explored) -> list[str | Text]:
    name = Text.assemble(explored.scenario.name, "\n", (explored.plan.strategy, "dim"))
    return [name, "complete" if explored.result.complete else "partial", *_cells(explored)]


def _cells(explored: Explored) -> list[str | Text]:
    """Of both: executions, states, time, found, verdict."""
    result = explored.result
    style = "yellow" if not explored.conclusive else "green" if explored.met else "bold red"
    return [
        f"{result.executions:,}",
        f"{result.states:,}" if result.states else "-",
        f"{result.elapsed:.2f} s",
        ", ".join(explored.found) or "nothing",
        Text(verdict(explored), style=style),
    ]


def failure_text(failure: Failure, token: str, *, verbose: bool = False) -> str:
    """What goes wrong, in which order of the tasks, and how to see it again.

    The same for an exploration that finds it and for a replay of its token.

    Args:
        failure: what was found.
        token: of its schedule.
        verbose: every step of the schedule.
    """
    finding = failure.finding
    lines = splat(finding.with_token("")).splitlines() if finding is not None else [f"error: {failure.message}"]
    lines += ["", f"  the schedule: {switches_text(failure.schedule)}", ""]
    stuck = finding.tasks if finding is not None and finding.code == "NOVA401" else ()
    lines += [f"    {line}" for line in columns(failure.schedule, stuck=stuck, whole=verbose)]
    lines += ["", f"  {_again(token)}"]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _again(token: str) -> str:
    if len(token) <= SHORT:
        return f"replay it: nova-async replay '{token}'"
    return f"its token has {len(token):,} characters: write the schedule to a file with --save-schedule FILE"


def explored_text(explored: Explored, *, verbose: bool = False) -> str:
    """Everything about one scenario: verdict, every failure that is to be told, how to explore it again.

    Args:
        explored: the scenario.
        verbose: tell expected findings too, and every step of the schedules.
    """
    lines = [f"── {explored.scenario.name}: expected {expectation(explored.scenario)}; {verdict(explored)}", ""]
    if not explored.result.complete:
        lines += [f"  not every order: {coverage(explored.result)}", ""]
    for failure, token in zip(explored.failures, explored.tokens, strict=True):
        if verbose or not _is_expected(explored, failure):
            lines += [failure_text(failure, token, verbose=verbose), ""]
    return "\n".join([*lines, f"  explore it again: {explore_command(explored)}", ""])


def _is_expected(explored: Explored, failure: Failure) -> bool:
    return failure.finding is not None and failure.finding.code in explored.scenario.expect


def explore_command(explored: Explored) -> str:
    """The command line that explores the scenario again as it was."""
    defaults = {parameter.name: parameter.default for parameter in explored.scenario.parameters}
    changed = [f"{name}={value}" for name, value in explored.values.items() if value != defaults.get(name)]
    settings = [word for setting in changed for word in ("-p", setting)]
    return shlex.join(["nova-async", "explore", explored.scenario.path, *_plan_words(explored.plan), *settings])


def _plan_words(plan: Plan) -> list[str]:
    given = {
        "--max-executions": plan.max_executions,
        "--max-seconds": plan.max_seconds,
        "--preemptions": plan.preemptions,
        "--depth": plan.depth if plan.strategy == "pct" else None,
        "--kills": plan.kills if plan.kill else None,
        "--failures": plan.failures if plan.fail else None,
    }
    words = ["--strategy", plan.strategy, "--seed", str(plan.seed)]
    words += [word for name, value in given.items() if value is not None for word in (name, f"{value:g}")]
    words += [word for pattern in plan.kill for word in ("--kill", pattern)]
    words += [word for kind in plan.fail for word in ("--fail", kind)]
    words += ["--first"] if plan.stop_at_first else []
    return words + (["--exact"] if plan.exact else [])


def explore_closing_text(several: Sequence[Explored], *, selected: int) -> str:
    """How many questions were answered, and how much is not known."""
    met = sum(explored.met and explored.conclusive for explored in several)
    open_ones = sum(not explored.conclusive for explored in several)
    complete = sum(explored.result.complete for explored in several)
    lines = [
        f"{met} of {count(len(several), 'scenario')} met the expectation; {complete} explored in every order.",
        *([f"Inconclusive: {open_ones}. More orders are left than were tried."] if open_ones else []),
        *([f"Not explored: {selected - len(several)} of {selected}."] if selected > len(several) else []),
    ]
    return "\n".join(lines)


def explore_document(several: Sequence[Explored], *, selected: int, interrupted: bool = False) -> Entry:
    """``nova.explore/1``: of one scenario the contract's document, of several a list of the same."""
    entries = [_explored_entry(explored) for explored in several]
    if selected == 1 and entries:
        return {"schema": SCHEMA, **entries[0]}
    ok = not interrupted and len(several) == selected and all(one.met and one.conclusive for one in several)
    return {"schema": SCHEMA, "ok": ok, "interrupted": interrupted, "scenarios": entries}


def _explored_entry(explored: Explored) -> Entry:
    result = explored.result
    return {
        "scenario": explored.scenario.path,
        "question": explored.scenario.question,
        "parameters": dict(explored.values),
        "strategy": explored.plan.strategy,
        "seed": explored.plan.seed,
        "ok": explored.met and explored.conclusive and not result.interrupted,
        "expected": list(explored.scenario.expect),
        "verdict": verdict(explored),
        "complete": result.complete,
        "incomplete_because": list(result.incomplete_because),
        "interrupted": result.interrupted,
        "executions": result.executions,
        "states": result.states,
        "steps": result.steps,
        "elapsed_s": round(result.elapsed, 6),
        "findings": [
            {**finding_entry(failure.finding), "schedule": _schedule_entry(failure.schedule)}
            for failure in explored.failures
            if failure.finding is not None
        ],
        "errors": [
            {"message": failure.message, "token": token, "schedule": _schedule_entry(failure.schedule)}
            for failure, token in zip(explored.failures, explored.tokens, strict=True)
            if failure.finding is None
        ],
    }


def _schedule_entry(schedule: Schedule) -> list[Entry]:
    return [{"task": step.task, "did": step.did} for step in schedule.steps]


def case_of(explored: Explored, recording: FailureRecording | None = None) -> Case:
    """For the reports; what could not be decided counts as skipped.

    Args:
        explored: the scenario.
        recording: of what went wrong in it, if that was recorded.
    """
    outcome = outcome_of(explored, recording)
    case = Case.of(outcome)
    passed = explored.met and explored.conclusive
    verdict_of = case.verdict if explored.conclusive else Verdict.SKIPPED
    return Case(
        explored.scenario,
        explored.plan.strategy,
        verdict_of,
        verdict(explored) if explored.conclusive else f"{verdict(explored)}: {coverage(explored.result)}",
        findings=explored.findings,
        unexpected=explored.unexpected,
        errors=explored.errors,
        details="" if passed else explored_text(explored),
        rerun=explore_command(explored),
        properties={**case.properties, "backend": "explored", "strategy": explored.plan.strategy},
        lock_graph=outcome.lock_graph,
        events=outcome.events,
        stats=outcome.stats,
        exploration=explored.result,
    )
