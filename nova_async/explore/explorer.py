"""Drives any async callable through its schedules.

::

    from nova_async.explore import explore

    result = explore(program, strategy="dpor")
    assert result.complete and result.ok
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass

from nova_async.errors import UsageError
from nova_async.explore.driver import Driver, Program, WhoHolds, nobody_knows
from nova_async.explore.execution import Ending, Execution
from nova_async.explore.loop import ControlledLoop, Points
from nova_async.explore.patience import patient
from nova_async.explore.result import Failure, Result, failures_of
from nova_async.explore.strategies import STRATEGIES, Options, RunTwice, Strategy
from nova_async.findings import Finding
from nova_async.point import Kind

Judge = Callable[[Execution], Iterable[Finding]]
"""Looks at an execution that has just ended, before what it left is cleaned up."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
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


class Exploration:
    """One exploration under way.

    Args:
        strategy: who chooses.
        bounds: when to stop.
        judge: what else is wrong with an execution.
        progress: is called now and then.
    """

    def __init__(
        self,
        strategy: Strategy,
        bounds: Bounds,
        judge: Judge = no_findings,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._strategy = strategy
        self._bounds = bounds
        self._judge = judge
        self._progress = progress
        self._start = time.perf_counter()
        self._told = self._start
        self._executions = 0
        self._steps = 0
        self._failures: dict[Hashable, Failure] = {}
        self._outcomes: Counter[str] = Counter()
        self._missing: dict[str, None] = {}
        self._interrupted = False

    def run(self, driver: Driver) -> Result:
        """Until nothing is left to try, or a bound is hit, or the user has seen enough."""
        try:
            with patient(self._interrupt):
                while not self._at_bound():
                    if driver.run(self._ended) is None:
                        break
                    self._tell()
        except KeyboardInterrupt:
            self._interrupt()
        return self._result()

    def _interrupt(self) -> None:
        self._interrupted = True
        self._missing["it was interrupted"] = None

    def _ended(self, execution: Execution) -> None:
        self._executions += 1
        self._steps += execution.steps
        if execution.outcome is not None:
            self._outcomes[str(execution.outcome)] += 1
        if execution.ending is Ending.TOO_LONG:
            self._missing[f"an execution took more than {self._bounds.steps} steps (max_steps)"] = None
        for failure in failures_of(execution, tuple(self._judge(execution))):
            known = self._failures.get(failure.identity)
            self._failures[failure.identity] = known.again() if known else failure

    def _at_bound(self) -> bool:
        bounds = self._bounds
        if self._interrupted:
            return True
        if bounds.first_failure and self._failures:
            self._missing["it stopped at the first failure"] = None
        elif bounds.executions is not None and self._executions >= bounds.executions:
            self._missing[f"it stopped after {bounds.executions} executions (max_executions)"] = None
        elif bounds.seconds is not None and time.perf_counter() - self._start >= bounds.seconds:
            self._missing[f"it stopped after {bounds.seconds:g} s (max_seconds)"] = None
        else:
            return False
        return True

    def _tell(self) -> None:
        now = time.perf_counter()
        if self._progress is not None and now - self._told >= 0.2:
            self._told = now
            self._progress(
                Progress(
                    self._executions,
                    self._strategy.states,
                    self._steps,
                    len(self._failures),
                    now - self._start,
                    self._strategy.remaining,
                )
            )

    def _result(self) -> Result:
        strategy = self._strategy
        if strategy.gap:
            self._missing[strategy.gap] = None
        return Result(
            complete=not self._missing,
            executions=self._executions,
            states=strategy.states,
            steps=self._steps,
            elapsed=time.perf_counter() - self._start,
            failures=tuple(self._failures.values()),
            outcomes=dict(sorted(self._outcomes.items())),
            incomplete_because=tuple(self._missing),
            interrupted=self._interrupted,
        )


def explore(
    program: Program,
    *,
    strategy: str | Strategy = "exhaustive",
    max_executions: int | None = None,
    max_seconds: float | None = None,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    preemptions: int | None = None,
    depth: int = 3,
    points: Points = "points",
    passes: Collection[Kind] = (),
    run_twice: bool = False,
    stop_at_first: bool = False,
    judge: Judge = no_findings,
    who_holds: WhoHolds = nobody_knows,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run ``program`` again and again, in another order every time.

    Args:
        program: an async callable without arguments, that makes all it uses afresh. Ordinary anyio or asyncio code.
        strategy: ``exhaustive``, ``dpor``, ``source-dpor``, ``dfs``, ``pct``, ``random``, or one of your own.
        max_executions: stop after so many. ``pct`` and ``random`` need this or ``max_seconds``.
        max_seconds: stop after so long.
        max_steps: end an execution that takes more.
        seed: of the strategies that throw dice.
        preemptions: bound of ``exhaustive``, ``dfs`` and ``random``.
        depth: of ``pct``.
        points: ``awaits`` lets another task run wherever one resumes, for code that has no points.
        passes: kinds of operations that are no points, as they commute with all that others may do meanwhile.
        run_twice: run every schedule twice and report what differs (NOVA901).
        stop_at_first: stop when something goes wrong.
        judge: names the findings of an execution.
        who_holds: names the holder of a resource.
        progress: is called a few times a second.

    Raises:
        UsageError: no such strategy, or one that never ends without a bound.
        ReplayDiverged: the same choices led somewhere else; run again with ``run_twice``.
    """
    chosen = _strategy(strategy, Options(seed=seed, preemptions=preemptions, depth=depth, points=points))
    if max_executions is None and max_seconds is None:
        _check_that_it_ends(strategy)
    if run_twice:
        chosen, judge = _twice(chosen, judge)
    bounds = Bounds(executions=max_executions, seconds=max_seconds, steps=max_steps, first_failure=stop_at_first)
    driver = Driver(ControlledLoop(points, passes), program, chosen, max_steps=max_steps, who_holds=who_holds)
    with driver.loop.installed():
        return Exploration(chosen, bounds, judge, progress).run(driver)


def _check_that_it_ends(strategy: str | Strategy) -> None:
    if strategy in ("pct", "random"):
        raise UsageError(f"strategy {strategy} never ends by itself; give max_executions or max_seconds")


def _twice(strategy: Strategy, judge: Judge) -> tuple[Strategy, Judge]:
    twice = RunTwice(strategy)
    return twice, lambda execution: (*judge(execution), *twice.findings)


def _strategy(strategy: str | Strategy, options: Options) -> Strategy:
    if not isinstance(strategy, str):
        return strategy
    if strategy not in STRATEGIES:
        raise UsageError.unknown("strategy", strategy, STRATEGIES)
    return STRATEGIES[strategy](options)
