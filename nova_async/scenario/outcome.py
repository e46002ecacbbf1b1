"""What came out of one run of a scenario, and whether that was expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nova_async.events import Trace
from nova_async.findings import Finding
from nova_async.lockdep import ClassStat, LockGraph
from nova_async.scenario.declare import Scenario
from nova_async.scenario.parameters import Value


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario, run once.

    Both severities count: a lock order that allows a deadlock is an answer, whether this schedule met it or not.

    Attributes:
        scenario: the question.
        values: its parameters as they were.
        backend: ``asyncio`` or ``trio``.
        seed: of everything that was chosen by chance.
        findings: what the checker found, in order.
        errors: one line for each exception that escaped the scenario.
        traceback: of those exceptions, whole.
        stats: what the world counted, by name.
        elapsed_s: wall-clock seconds.
        lock_stat: what each lock class went through, by name, if that was measured.
        lock_graph: which lock was taken under which.
        events: what happened, if that was recorded.
    """

    scenario: Scenario
    values: Mapping[str, Value]
    backend: str
    seed: int
    findings: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    traceback: str = ""
    stats: Mapping[str, int | float] = field(default_factory=dict)
    elapsed_s: float = 0.0
    lock_stat: Mapping[str, ClassStat] | None = None
    lock_graph: LockGraph = field(default_factory=LockGraph)
    events: Trace | None = None

    @property
    def found(self) -> tuple[str, ...]:
        """The codes found, each once, sorted."""
        return tuple(sorted({finding.code for finding in self.findings}))

    @property
    def missing(self) -> tuple[str, ...]:
        """The codes expected and not found."""
        return tuple(code for code in self.scenario.expect if code not in self.found)

    @property
    def unexpected(self) -> tuple[Finding, ...]:
        """The findings that nobody expected, but for doubts."""
        return tuple(
            finding for finding in self.findings if finding.code not in self.scenario.expect and not finding.is_doubt
        )

    @property
    def met(self) -> bool:
        """Whether exactly the expected codes were found and nothing escaped."""
        return not (self.errors or self.missing or self.unexpected)

    @property
    def verdict(self) -> str:
        """In words: ``met``, or what is wrong."""
        unexpected = sorted({finding.code for finding in self.unexpected})
        wrong = [
            f"error {self.errors[0].partition(':')[0]}" if self.errors else "",
            f"found {', '.join(unexpected)}" if unexpected else "",
            f"no {', '.join(self.missing)}" if self.missing else "",
        ]
        return "; ".join(filter(None, wrong)) or "met"
