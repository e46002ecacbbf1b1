"""Scenario files as pytest collects them: one item for each scenario."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from nova_async.errors import ReplayDiverged, UsageError
from nova_async.explore import Token, fingerprint_of
from nova_async.lockdep import splat
from nova_async.plugin.replaying import replay_command
from nova_async.plugin.settings import settings_of
from nova_async.plugin.telling import add, failure_text, tell
from nova_async.report.text import expectation, outcome_text
from nova_async.scenario import runner
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Explored, Plan, explore_scenario, replay
from nova_async.scenario.parameters import values_for


class NotMet(Exception):
    """A scenario was not answered as it expects."""


class ScenarioFile(pytest.File):
    """A file in which scenarios are declared."""

    def collect(self) -> "Iterator[ScenarioItem]":
        """Its scenarios, in the order of the file."""
        try:
            found = discover([str(self.path)])
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        for each in found:
            yield ScenarioItem.from_parent(self, name=each.name, scenario=each)


class ScenarioItem(pytest.Item):
    """One scenario: run once live, or explored if it says so.

    Attributes:
        scenario: the question.
    """

    def __init__(self, *, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scenario = scenario

    def runtest(self) -> None:
        """Ask the question; the answer must be the expected one."""
        settings = settings_of(self.config, {})
        if settings.replay is not None:
            self._judge(replay(self.scenario, settings.replay), settings.replay)
        elif self.scenario.explore is not None:
            plan = Plan(
                strategy=settings.strategy or self.scenario.explore,
                max_executions=settings.max_executions,
                max_seconds=settings.max_seconds,
                seed=settings.seed,
            )
            values = values_for(self.scenario.name, self.scenario.parameters, {})
            self._judge(explore_scenario(self.scenario, values, plan), None)
        else:
            self._run_once(settings.seed)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict alone; of anything else, all."""
        if isinstance(excinfo.value, NotMet | UsageError | ReplayDiverged | pytest.UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it is declared."""
        code = getattr(self.scenario.function, "__code__", None)
        return self.path, code.co_firstlineno - 1 if code is not None else None, self.name

    def _run_once(self, seed: int) -> None:
        values = values_for(self.scenario.name, self.scenario.parameters, {})
        outcome = runner.run(self.scenario, values, seed=seed)
        self.user_properties += [("nova.seed", str(seed)), ("nova.backend", outcome.backend)]
        if not outcome.met:
            raise NotMet(outcome_text(outcome, verbose=self.config.get_verbosity() > 0))

    def _judge(self, explored: Explored, replayed: Token | None) -> None:
        strategy = explored.plan.strategy if replayed is None else "replay"
        tell(self, explored.result, strategy=strategy, seed=explored.plan.seed)
        if replayed is not None and replayed.changed(fingerprint_of(self.scenario.function)):
            add(self, "the file of the scenario was changed since this order was recorded")
        if explored.result.interrupted:
            raise KeyboardInterrupt
        if replayed is not None and not (explored.unexpected or explored.errors):
            return  # one order cannot answer what every order was asked for
        if not explored.met:
            self._tell_failures(explored)
            raise NotMet(f"{_verdict(explored)}\n\nrun it again: {self._rerun(explored.plan)}")

    def _rerun(self, plan: Plan) -> str:
        return shlex.join(["pytest", self.nodeid, "--nova-strategy", plan.strategy, "--nova-seed", str(plan.seed)])

    def _tell_failures(self, explored: Explored) -> None:
        for failure, text in zip(explored.failures, explored.tokens, strict=True):
            if failure.finding is None or failure.finding in explored.unexpected:
                self.user_properties.append(("nova.token", text))
                add(self, failure_text(failure, replay_command(self.config, self.nodeid, Token.parse(text))))


def _verdict(explored: Explored) -> str:
    scenario = explored.scenario
    lines = [f"{scenario.name}: {scenario.question}", f"expected {expectation(scenario)}", *explored.errors]
    if explored.missing:
        lines.append(f"not found: {', '.join(explored.missing)}")
    return "\n\n".join(["\n".join(lines), *map(splat, explored.unexpected)])
