"""One scenario and what came of it, whichever verb asked: what the reports for machines are made of.

No report has a wall-clock time in it: two runs with one seed write the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from nova_async.events import Trace
from nova_async.explore.result import Result
from nova_async.findings import Finding
from nova_async.lockdep import ClassStat, LockGraph
from nova_async.report.text import expectation, outcome_text, rerun_command
from nova_async.scenario.declare import Scenario
from nova_async.scenario.outcome import Outcome


class Verdict(StrEnum):
    """How a scenario ended, as CI systems tell it apart."""

    PASSED = "passed"
    FAILED = "failed"
    """A finding that nobody expected, or an expected one that did not come."""
    ERROR = "error"
    """An exception escaped the scenario."""
    SKIPPED = "skipped"
    """It was not run, or not to an end."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario, run or explored.

    Attributes:
        scenario: the question.
        variant: how it was asked, such as ``asyncio`` or ``exhaustive``; part of its name where it is not empty.
        verdict: how it ended.
        said: the verdict in words; of a skipped one, the reason.
        findings: what was found, in order.
        unexpected: those of them that nobody expected.
        errors: one line for each exception that escaped.
        details: everything about it as text, with the command that runs it again; empty if it passed.
        rerun: the command line that runs it again.
        properties: how it was run, by name: seed and the like.
        lock_graph: which lock was taken under which.
        events: what happened, if that was recorded.
        traceback: of the exceptions that escaped, whole.
        stats: what the run counted, by name.
        lock_stat: what each lock class went through, if that was measured.
        exploration: what was covered, if it was explored.
    """

    scenario: Scenario
    variant: str
    verdict: Verdict
    said: str
    findings: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    details: str = ""
    rerun: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    lock_graph: LockGraph = field(default_factory=LockGraph)
    events: Trace | None = None
    traceback: str = ""
    stats: Mapping[str, int | float] = field(default_factory=dict)
    lock_stat: Mapping[str, ClassStat] | None = None
    exploration: Result | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "Case":
        """A scenario that ran once, live."""
        verdict = Verdict.PASSED if outcome.met else Verdict.ERROR if outcome.errors else Verdict.FAILED
        return cls(
            outcome.scenario,
            outcome.backend,
            verdict,
            outcome.verdict,
            findings=outcome.findings,
            unexpected=outcome.unexpected,
            errors=outcome.errors,
            details="" if outcome.met else outcome_text(outcome),
            rerun=rerun_command(outcome),
            properties=_properties(outcome),
            lock_graph=outcome.lock_graph,
            events=outcome.events,
            traceback=outcome.traceback,
            stats=outcome.stats,
            lock_stat=outcome.lock_stat,
        )

    @classmethod
    def not_run(cls, scenario: Scenario, variant: str, why: str) -> "Case":
        """A scenario that was selected, and whose turn never came."""
        return cls(scenario, variant, Verdict.SKIPPED, why)

    @property
    def name(self) -> str:
        """``mixed_clients[asyncio]``."""
        return f"{self.scenario.name}[{self.variant}]" if self.variant else self.scenario.name

    @property
    def passed(self) -> bool:
        """Whether all is well with it."""
        return self.verdict is Verdict.PASSED

    @property
    def codes(self) -> tuple[str, ...]:
        """What is wrong, as codes: those found and not expected, and those expected and not found."""
        missing = set(self.scenario.expect) - {finding.code for finding in self.findings}
        wrong = {finding.code for finding in self.unexpected} | missing
        return tuple(sorted(wrong)) if not self.passed else ()

    @property
    def file(self) -> str:
        """Of the scenario, relative where that is possible, with forward slashes."""
        return PurePath(self.scenario.file).as_posix()

    @property
    def line(self) -> int:
        """Where the scenario begins in its file; 1 if nobody knows."""
        code = getattr(self.scenario.function, "__code__", None)
        return code.co_firstlineno if code is not None else 1


def _properties(outcome: Outcome) -> dict[str, str]:
    parameters = {f"parameter.{name}": str(value) for name, value in outcome.values.items()}
    tokens = [finding.token for finding in outcome.findings if finding.token]
    return {
        "backend": outcome.backend,
        "seed": str(outcome.seed),
        "expected": expectation(outcome.scenario),
        "found": ", ".join(outcome.found) or "nothing",
        **({"token": tokens[0]} if tokens else {}),
        **parameters,
    }


def by_file(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Cases by the file of their scenario, both in the order given."""
    files: dict[str, list[Case]] = {}
    for case in cases:
        files.setdefault(case.file, []).append(case)
    return files
