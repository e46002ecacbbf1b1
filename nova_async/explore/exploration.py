"""One exploration under way: what it has seen so far, and when it is over."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from nova_async.explore.driver import Driver
from nova_async.explore.execution import Ending, Execution
from nova_async.explore.patience import patient
from nova_async.explore.result import Failure, Result, failures_of
from nova_async.explore.strategies import Strategy
from nova_async.findings import Finding

Judge = Callable[[Execution], Iterable[Finding]]
"""Looks at an execution that has just ended, before what it left is cleaned up."""

GoOn = Callable[[Driver], bool]
"""Does some executions; says whether anything may be left to try."""

MAX_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is.

    Attributes:
        executions: so far.
        states: so far; 0 if the strategy does not tell states apart.
        steps: so far.
        failures: different ones, so far.
        elapsed: seconds.
        remaining: alternatives that are known and were not tried yet, where the strategy knows.
    """

    executions: int
    states: int
    steps: int
    failures: int
    elapsed: float
    remaining: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """When to stop.

    Attributes:
        executions: after so many; None for no bound.
        seconds: after so long; None for no bound.
        steps: an execution that takes more is ended.
        first_failure: when something went wrong.
    """

    executions: int | None = None
    seconds: float | None = None
    steps: int = MAX_STEPS
    first_failure: bool = False


def no_findings(_execution: Execution) -> Iterable[Finding]:
    """Nothing is wrong but exceptions and deadlocks."""
    return ()


@dataclass(slots=True)
class Seen:
    """What executions have shown.

    Attributes:
        executions: how many there were.
        steps: how many they took.
        failures: what went wrong, by identity.
        outcomes: what programs gave back, as text, and how often.
        missing: why not all orders are covered.
    """

    executions: int = 0
    steps: int = 0
    failures: dict[Hashable, Failure] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    missing: dict[str, None] = field(default_factory=dict)

    def add_failure(self, failure: Failure) -> None:
        """Something that is known counts once more."""
        known = self.failures.get(failure.identity)
        self.failures[failure.identity] = known.again(failure.count) if known else failure

    def add(self, other: "Seen") -> None:
        """What others have seen."""
        self.executions += other.executions
        self.steps += other.steps
        self.outcomes += other.outcomes
        self.missing |= other.missing
        for failure in other.failures.values():
            self.add_failure(failure)


class Exploration:
    """One exploration under way.

    Args:
        strategy: who chooses.
        bounds: when to stop.
        judge: what else is wrong with an execution.
        progress: is called now and then.

    Attributes:
        strategy: who chooses.
        seen: what came out so far.
    """

    def __init__(
        self,
        strategy: Strategy,
        bounds: Bounds,
        judge: Judge = no_findings,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.strategy = strategy
        self.seen = Seen()
        self._bounds = bounds
        self._judge = judge
        self._progress = progress
        self._start = time.perf_counter()
        self._told = self._start
        self._interrupted = False

    def run(self, driver: Driver, go_on: GoOn) -> Result:
        """Until nothing is left to try, or a bound is hit, or the user has seen enough.

        Args:
            driver: of the executions.
            go_on: does some of them; :meth:`go_on` one at a time.
        """
        try:
            with patient(self._interrupt):
                while not self._at_bound() and go_on(driver):
                    self._tell()
        except KeyboardInterrupt:
            self._interrupt()
        return self._result()

    def go_on(self, driver: Driver, executions: int = 1) -> bool:
        """Do some executions; whether anything may be left to try."""
        last = self.seen.executions + executions
        while self.seen.executions < last and not self._at_bound():
            if driver.run(self._ended) is None:
                return False
        return True

    def left(self) -> int | None:
        """How many executions the bounds still allow; None if any number."""
        bound = self._bounds.executions
        return None if bound is None else max(0, bound - self.seen.executions)

    def _interrupt(self) -> None:
        self._interrupted = True
        self.seen.missing["it was interrupted"] = None

    def _ended(self, execution: Execution) -> None:
        seen = self.seen
        seen.executions += 1
        seen.steps += execution.steps
        if execution.outcome is not None:
            seen.outcomes[str(execution.outcome)] += 1
        if execution.ending is Ending.TOO_LONG and not execution.in_circle:
            seen.missing[f"an execution took more than {self._bounds.steps} steps (max_steps)"] = None
        for failure in failures_of(execution, tuple(self._judge(execution))):
            seen.add_failure(failure)

    def _at_bound(self) -> bool:
        bounds, seen = self._bounds, self.seen
        if self._interrupted:
            return True
        if bounds.first_failure and not all(failure.is_doubt for failure in seen.failures.values()):
            seen.missing["it stopped at the first failure"] = None
        elif bounds.executions is not None and seen.executions >= bounds.executions:
            seen.missing[f"it stopped after {bounds.executions} executions (max_executions)"] = None
        elif bounds.seconds is not None and time.perf_counter() - self._start >= bounds.seconds:
            seen.missing[f"it stopped after {bounds.seconds:g} s (max_seconds)"] = None
        else:
            return False
        return True

    def _tell(self) -> None:
        now = time.perf_counter()
        if self._progress is not None and now - self._told >= 0.2:
            self._told = now
            self._progress(
                Progress(
                    self.seen.executions,
                    self.strategy.states,
                    self.seen.steps,
                    len(self.seen.failures),
                    now - self._start,
                    self.strategy.remaining,
                )
            )

    def _result(self) -> Result:
        strategy, seen = self.strategy, self.seen
        if strategy.gap:
            seen.missing[strategy.gap] = None
        return Result(
            complete=not seen.missing,
            executions=seen.executions,
            states=strategy.states,
            steps=seen.steps,
            elapsed=time.perf_counter() - self._start,
            failures=tuple(seen.failures.values()),
            outcomes=dict(sorted(seen.outcomes.items())),
            incomplete_because=tuple(seen.missing),
            interrupted=self._interrupted,
        )
