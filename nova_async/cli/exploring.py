"""Several scenarios, explored one after the other: what ``explore`` does between its options and its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import progress
from nova_async.errors import ReplayDiverged
from nova_async.explore import Progress
from nova_async.report.case import Case
from nova_async.report.explored import case_of, verdict
from nova_async.report.text import count
from nova_async.scenario.declare import Scenario
from nova_async.scenario.exploring import Explored, Plan, explore_scenario
from nova_async.scenario.failure_recording import FailureRecording, record_failure
from nova_async.scenario.parameters import Value

LOG_EVERY = 2.0
"""Seconds between two lines of progress in the log; the bar on a terminal moves more often."""

log = structlog.get_logger()


@dataclass
class Exploring:
    """What is to be explored, and what came out so far.

    Attributes:
        work: each scenario with its parameters.
        plan: how; the strategy is replaced by the scenario's own where none was asked for.
        strategy: the one that was asked for.
        shrink_seconds: how long to simplify each schedule.
        exit_first: stop at the first scenario that is not met.
        record: run a failure of each once more, and keep what happens.
        done: those that were explored.
        recordings: of their failures, by the path of the scenario.
        interrupted: the user stopped it.
    """

    work: Sequence[tuple[Scenario, dict[str, Value]]]
    plan: Plan
    strategy: str | None
    shrink_seconds: float
    exit_first: bool
    record: bool = False
    done: list[Explored] = field(default_factory=list)
    recordings: dict[str, FailureRecording] = field(default_factory=dict)
    interrupted: bool = False

    def run(self, *, show_progress: bool) -> None:
        """Explore until done, the first unmet one if so asked, or Ctrl-C."""
        with progress(len(self.work), wanted=show_progress) as step:
            try:
                for scenario, values in self.work:
                    step(scenario.name)
                    self._explore_one(scenario, values, step.note)
                    if self.interrupted or (self.exit_first and not self.done[-1].met):
                        return
            except KeyboardInterrupt:  # while a schedule was being simplified
                self.interrupted = True

    def _explore_one(self, scenario: Scenario, values: dict[str, Value], note: Callable[[str], None]) -> None:
        plan = replace(self.plan, strategy=self.strategy or scenario.explore or self.plan.strategy)
        talk = Talk(scenario.name, note)
        explored = explore_scenario(scenario, values, plan, shrink_seconds=self.shrink_seconds, progress=talk)
        self.done.append(explored)
        self.interrupted = explored.result.interrupted
        recording = recording_of(explored) if self.record else None
        if recording is not None:
            self.recordings[scenario.path] = recording
        log.info("scenario.explored", scenario=scenario.name, strategy=plan.strategy, verdict=verdict(explored))

    @property
    def cases(self) -> list[Case]:
        """For the reports; what was selected and not explored is among them."""
        why = "interrupted" if self.interrupted else "-x: an earlier one was not met"
        left = [scenario for scenario, _ in self.work[len(self.done) :]]
        variant = self.strategy or self.plan.strategy
        done = [case_of(explored, self.recordings.get(explored.scenario.path)) for explored in self.done]
        return [*done, *(Case.not_run(scenario, variant, why) for scenario in left)]

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if any(one.conclusive and not one.met for one in self.done):
            return ExitCode.UNMET
        return ExitCode.OK if all(one.conclusive for one in self.done) else ExitCode.INCONCLUSIVE


def recording_of(explored: Explored) -> FailureRecording | None:
    """What happened in a failure of it; None if there is none, or its schedule does not lead there again."""
    try:
        return record_failure(explored)
    except ReplayDiverged as error:
        log.warning("scenario.not_recorded", scenario=explored.scenario.name, diverged=str(error))
        return None


class Talk:
    """Says how far an exploration is: on the bar at once, in the log every other second.

    Args:
        scenario: its name.
        note: writes on the bar.
    """

    def __init__(self, scenario: str, note: Callable[[str], None]) -> None:
        self._scenario = scenario
        self._note = note
        self._logged = 0.0

    def __call__(self, seen: Progress) -> None:
        """The exploration is this far."""
        line = progress_line(seen)
        self._note(line)
        if seen.elapsed - self._logged >= LOG_EVERY:
            self._logged = seen.elapsed
            log.info("scenario.exploring", scenario=self._scenario, progress=line)


def progress_line(seen: Progress) -> str:
    """``1,200 executions, 340 states, 12 left to try, 2 failures, 800/s, 1.5 s``."""
    rate = seen.executions / seen.elapsed if seen.elapsed else 0
    parts = [
        f"{seen.executions:,} executions",
        f"{seen.states:,} states" if seen.states else "",
        f"{seen.remaining:,} left to try" if seen.remaining else "",
        count(seen.failures, "failure") if seen.failures else "",
        f"{rate:,.0f}/s",
        f"{seen.elapsed:.1f} s",
    ]
    return ", ".join(filter(None, parts))
