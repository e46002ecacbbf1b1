"""One scenario, explored until it has shown what it expects."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nova_async.explore import Execution, Strategy, explore
from nova_async.explore.strategies import Metrics
from nova_async.findings import Finding
from nova_async.scenario.declare import Scenario
from nova_async.scenario.exploring import Plan, Play
from nova_async.scenario.parameters import values_for


@dataclass(frozen=True, slots=True)
class Sight:
    """When something was seen.

    Attributes:
        execution: in which one, from 1.
        milliseconds: of processor time, from the beginning of the hunt.
    """

    execution: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Hunted:
    """The end of a hunt.

    Attributes:
        scenario: what was explored.
        plan: how.
        first: when a finding was seen that the scenario expects; None if none was.
        whole: when the last code that it expects was; None if one was not.
        executions: how many were run.
        milliseconds: of processor time, until the end.
    """

    scenario: Scenario
    plan: Plan
    first: Sight | None
    whole: Sight | None
    executions: int
    milliseconds: float


class _Until(Metrics):
    """Has nothing left to try once ``done`` says so."""

    def __init__(self, inner: Strategy, done: Callable[[], bool]) -> None:
        super().__init__(inner)
        self._done = done

    def begin(self, execution: Execution) -> bool:
        """As the inner strategy, until it is done."""
        return not self._done() and super().begin(execution)


class Hunt:
    """Looks for the codes that one scenario expects; whatever else it finds does not end the search.

    Args:
        scenario: expects something.
        plan: how to look, and for how long at most.
    """

    def __init__(self, scenario: Scenario, plan: Plan) -> None:
        self._scenario = scenario
        self._plan = plan
        self._play = Play(scenario, values_for(scenario.name, scenario.parameters, {}), plan)
        self._seen: dict[str, Sight] = {}
        self._executions = 0
        self._start = 0.0

    def run(self) -> Hunted:
        """Until all of them were seen, or a bound of the plan was hit, or all was tried."""
        plan = self._plan
        self._start = time.process_time()
        explore(
            self._play,
            strategy=_Until(plan.chooser(), self._is_done),
            max_executions=plan.max_executions,
            max_seconds=plan.max_seconds,
            passes=plan.passes,
            judge=self._judge,
        )
        sights = sorted(self._seen.values(), key=lambda sight: sight.execution)
        first, whole = (sights[0], sights[-1]) if sights else (None, None)
        if not self._is_done():
            whole = None
        return Hunted(self._scenario, plan, first, whole, self._executions, self._milliseconds())

    def _is_done(self) -> bool:
        return len(self._seen) == len(self._scenario.expect)

    def _judge(self, execution: Execution) -> Iterable[Finding]:
        self._executions += 1
        findings = tuple(self._play.judge(execution))
        for code in {finding.code for finding in findings}.intersection(self._scenario.expect):
            self._seen.setdefault(code, Sight(self._executions, self._milliseconds()))
        return findings

    def _milliseconds(self) -> float:
        return (time.process_time() - self._start) * 1e3
