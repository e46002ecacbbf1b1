"""What an exploration found out."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

from nova_async.explore.execution import Ending, Execution, sentence_of
from nova_async.explore.schedule import Schedule
from nova_async.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that goes wrong in at least one order.

    Attributes:
        message: what went wrong, in a sentence.
        schedule: an order in which it does.
        finding: the finding, if it is one; a deadlock is NOVA401, a starvation NOVA403, a livelock NOVA404.
        error: the exception, if it is one.
        count: in how many of the executions it was seen.
    """

    message: str
    schedule: Schedule
    finding: Finding | None = None
    error: BaseException | None = None
    count: int = 1

    @property
    def identity(self) -> Hashable:
        """Two failures with the same identity are told once."""
        return self.finding.identity if self.finding else self.message

    @property
    def is_doubt(self) -> bool:
        """It says more of the schedule than of the program, see :data:`~nova_async.findings.DOUBTS`."""
        return self.finding is not None and self.finding.is_doubt

    def again(self, times: int = 1) -> "Failure":
        """The same, seen once more, or so many times."""
        return replace(self, count=self.count + times)


@dataclass(frozen=True, slots=True)
class Result:
    """The end of an exploration.

    Attributes:
        complete: every reachable order was covered, none cut by a bound.
        executions: how many were run.
        states: how many states were visited; 0 if the strategy does not tell states apart.
        steps: of all executions.
        elapsed: seconds of real time.
        failures: what went wrong, in the order in which it was found.
        outcomes: how often each result was seen: what the program returned or raised, or how it was stuck.
        incomplete_because: what was not covered, in sentences; empty if complete.
        interrupted: the user stopped it.
    """

    complete: bool
    executions: int
    states: int
    steps: int
    elapsed: float
    failures: tuple[Failure, ...]
    outcomes: Mapping[str, int]
    incomplete_because: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Nothing went wrong in what was covered, but for doubts."""
        return all(failure.is_doubt for failure in self.failures)


def failures_of(execution: Execution, findings: tuple[Finding, ...], *, look_further: bool = True) -> list[Failure]:
    """What went wrong in one execution, findings first.

    Args:
        execution: which has just ended, or was ended.
        findings: what was found in it.
        look_further: let it go on, if it took too many steps, to see why.
    """
    endless = execution.why_endless() if look_further else None
    if endless is not None:
        findings = (*findings, endless)
    if not findings and execution.ending not in (Ending.RAISED, Ending.DEADLOCK):
        return []
    schedule = Schedule.of(execution)
    failures = [Failure(finding.message, schedule, finding) for finding in findings]
    if execution.ending is Ending.DEADLOCK:
        if not any(finding.code == "NOVA401" for finding in findings):
            finding = deadlock_of(execution)
            failures.append(Failure(finding.message, schedule, finding))
    elif execution.error is not None:
        error = execution.error
        failures.append(Failure(sentence_of(error), schedule, error=error))
    return failures


def deadlock_of(execution: Execution) -> Finding:
    """NOVA401: who waits for what, by name."""
    waiting = execution.waiting
    return Finding(
        code="NOVA401",
        severity=Severity.PROVED,
        message="nobody can go on: " + "; ".join(str(one) for one in waiting),
        tasks=tuple(one.task for one in waiting),
        locks=tuple(dict.fromkeys(one.what for one in waiting)),
    )
