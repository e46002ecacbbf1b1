"""Outcomes and scenarios as text."""

import shlex
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from nova_async.explore.strategies import STRATEGIES
from nova_async.findings import Finding
from nova_async.lockdep import splat
from nova_async.scenario.declare import Scenario
from nova_async.scenario.outcome import Outcome


def expectation(scenario: Scenario) -> str:
    """``clean``, or the codes that must be found."""
    return ", ".join(scenario.expect) or "clean"


def list_table(scenarios: Iterable[Scenario], *, compact: bool = False) -> Table:
    """Scenarios with their question and expectation; ``compact`` puts the question below the name."""
    table = empty_table("scenario", *([] if compact else ["question"]), "expectation")
    for scenario in scenarios:
        table.add_row(*_name_and_question(scenario, scenario.path, compact=compact), expectation(scenario))
    return table


def run_table(outcomes: Iterable[Outcome], *, compact: bool = False) -> Table:
    """Outcomes with their verdict; ``compact`` puts the question below the name."""
    table = empty_table("scenario", *([] if compact else ["question"]), "expectation", "verdict", "time")
    table.columns[-1].justify = "right"
    for outcome in outcomes:
        table.add_row(
            *_name_and_question(outcome.scenario, outcome.scenario.name, compact=compact),
            expectation(outcome.scenario),
            Text(outcome.verdict, style="green" if outcome.met else "bold red"),
            f"{outcome.elapsed_s:.2f} s",
        )
    return table


def empty_table(*headings: str) -> Table:
    """An empty table in the style of all."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        # A code, a verdict or a time cut in two is not readable; questions and paths wrap.
        table.add_column(heading, no_wrap=heading == "time", overflow="fold")
    return table


def _name_and_question(scenario: Scenario, name: str, *, compact: bool) -> list[Text]:
    if compact:
        return [Text.assemble(name, "\n", (scenario.question, "dim"))]
    return [Text(name), Text(scenario.question)]


def findings_text(findings: Iterable[Finding], *, verbose: bool = False) -> str:
    """Findings one below the other.

    Args:
        findings: in the order in which they were made.
        verbose: the whole report of each, instead of the rule and what happened.
    """
    reports = [splat(finding) for finding in findings]
    return "\n\n".join(reports if verbose else ["\n".join(report.splitlines()[:2]) for report in reports])


def litmus_closing_text(findings: Sequence[Finding], *, verbose: bool) -> str:
    """What was found in a lock sequence, and how to see more of it."""
    if not findings:
        return "Nothing found."
    codes = ", ".join(dict.fromkeys(finding.code for finding in findings))
    more = f"why it is a rule: nova-async explain {findings[0].code}"
    return f"{count(len(findings), 'finding')} ({codes}); {more if verbose else f'the whole report: -v; {more}'}"


def rerun_command(outcome: Outcome) -> str:
    """The command line that runs the scenario again as it was."""
    defaults = {parameter.name: parameter.default for parameter in outcome.scenario.parameters}
    settings = [f"{name}={value}" for name, value in outcome.values.items() if value != defaults.get(name)]
    how = ["explore", "--strategy"] if _was_explored(outcome) else ["run", "--backend"]
    words = ["nova-async", how[0], outcome.scenario.path, how[1], outcome.backend, "--seed", str(outcome.seed)]
    return shlex.join(words + [word for setting in settings for word in ("-p", setting)])


def _was_explored(outcome: Outcome) -> bool:
    """Its backend is the name of a strategy then, see :func:`nova_async.report.explored.outcome_of`."""
    return outcome.backend in STRATEGIES


def outcome_text(outcome: Outcome, *, verbose: bool = False) -> str:
    """Everything about one scenario: verdict, errors, findings, and how to run it again.

    Args:
        outcome: of the scenario.
        verbose: tell expected findings too, and tracebacks whole.
    """
    lines = [f"── {outcome.scenario.name}: expected {expectation(outcome.scenario)}; {outcome.verdict}", ""]
    if outcome.errors:
        lines += [*(f"  {error}" for error in outcome.errors), ""]
        lines += [outcome.traceback] if verbose else ["  the whole traceback: -v", ""]
    told = outcome.findings if verbose else outcome.unexpected
    for finding in told:
        lines += [*(f"  {line}".rstrip() for line in splat(finding).splitlines()), ""]
    return "\n".join([*lines, f"  run it again: {rerun_command(outcome)}", ""])


def closing_text(outcomes: Sequence[Outcome], *, selected: int, backend: str, seed: int) -> str:
    """What was covered, and what was not."""
    met = sum(outcome.met for outcome in outcomes)
    clean = sum(outcome.met and not outcome.findings for outcome in outcomes)
    expected = sorted({code for outcome in outcomes if outcome.met for code in outcome.found})
    unexpected = sorted({finding.code for outcome in outcomes for finding in outcome.unexpected})
    kinds = [
        f"{clean} clean" if clean else "",
        f"{met - clean} with the findings they expect ({', '.join(expected)})" if expected else "",
    ]
    line = f"{met} of {count(len(outcomes), 'scenario')} met the expectation on {backend}, seed {seed}"
    line += f": {', '.join(filter(None, kinds))}." if met else "."
    if unexpected:
        line += f" Unexpected: {', '.join(unexpected)}."
    if selected > len(outcomes):
        line += f" Not run: {selected - len(outcomes)} of {selected}."
    return f"{line}\n{_orders_text(outcomes)}"


def _orders_text(outcomes: Sequence[Outcome]) -> str:
    explored = [outcome for outcome in outcomes if _was_explored(outcome)]
    if not explored:
        return "Each ran once, in one order of its tasks; other orders were not tried."
    complete = sum(bool(outcome.stats.get("complete")) for outcome in explored)
    said = f"{len(explored)} explored, on the controlled loop, {complete} of them in every order"
    return f"{said}; each of the others ran once, in one order of its tasks."


def count(number: int, noun: str) -> str:
    """``1 scenario``, ``2 scenarios``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
