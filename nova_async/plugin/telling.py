"""What a test that was explored says of itself: the section of its report, and the properties for JUnit."""

from collections.abc import Sequence
from itertools import groupby

import pytest

from nova_async.explore import Failure, Result, Schedule
from nova_async.explore.task import RESUME
from nova_async.report.text import count
from nova_async_pytest import section

_RESUME = repr(RESUME)

MAX_LINES = 60
"""Of a schedule; a longer one is cut in the middle, the token has it whole."""


def tell(item: pytest.Item, result: Result, *, strategy: str, seed: int) -> None:
    """What was covered, for JUnit and for the summary at the end."""
    properties = {"seed": seed, "strategy": strategy, "executions": result.executions, "states": result.states}
    item.user_properties += [(f"nova.{name}", str(value)) for name, value in properties.items()]
    if not result.complete:
        item.user_properties.append(("nova.incomplete", "; ".join(result.incomplete_because)))
    item.stash[section] = coverage_text(result, strategy)


def add(item: pytest.Item, text: str) -> None:
    """Another part of the section."""
    item.stash[section] = "\n\n".join(filter(None, [item.stash.get(section, ""), text]))


def coverage_text(result: Result, strategy: str) -> str:
    """``strategy dpor: 6 executions, every order was covered``."""
    if strategy == "replay":
        return f"strategy replay: {count(result.executions, 'execution')}, in the recorded order"
    states = f", {count(result.states, 'state')}" if result.states else ""
    covered = "every order was covered" if result.complete else "; ".join(result.incomplete_because)
    return f"strategy {strategy}: {count(result.executions, 'execution')}{states}; {covered}"


def failure_text(failure: Failure, command: str) -> str:
    """The schedule that fails, and how to run it again."""
    preemptions = count(failure.schedule.preemptions, "preemption")
    steps = count(len(failure.schedule.steps), "step")
    lines = [f"{failure.message}", f"after {steps} with {preemptions}:", *schedule_lines(failure.schedule)]
    return "\n".join([*lines, f"replay it: {command}"])


def schedule_lines(schedule: Schedule) -> list[str]:
    """One line for each turn of a task: its name, and what it did in it."""
    width = max((len(step.task) for step in schedule.steps), default=0)
    lines = []
    for task, steps in groupby(schedule.steps, key=lambda step: step.task):
        lines.append(f"  {task:<{width}}  {_turn([step.did for step in steps])}".rstrip())
    if schedule.picks:
        lines.append("  chosen values: " + ", ".join(f"{value} of {n}" for n, value in schedule.picks))
    return _cut(lines)


def _turn(did: Sequence[str]) -> str:
    """A step between two awaits has no name of its own; those are counted."""
    turns = []
    for name, same in groupby(did):
        times = len(list(same))
        shown = "runs to its next await" if name == _RESUME else name
        turns.append(shown if times == 1 else f"{shown} ({times} times)")
    return ", ".join(turns)


def _cut(lines: list[str]) -> list[str]:
    half = MAX_LINES // 2
    left_out = len(lines) - 2 * half
    return lines if left_out <= 0 else [*lines[:half], f"  ... {count(left_out, 'turn')} ...", *lines[-half:]]
