"""A finding fails the test, whichever fixture has made it."""

from collections.abc import Hashable, Mapping
from typing import Any

import pytest

from nova_async.checks import deadlock
from nova_async.explore import Ending, Execution
from nova_async.findings import Finding
from nova_async.lockdep import splat
from nova_async.lockdep.aio import tasks_of
from nova_async.operation import Operation
from nova_async.plugin.lockdep import Lockdep
from nova_async.plugin.worlds import Worlds


def fail_on_findings(fixtures: Mapping[str, Any]) -> None:
    """After a test that ran once, live.

    Raises:
        pytest.fail.Exception: something was found.
    """
    lockdep = fixtures.get("nova_lockdep")
    if isinstance(lockdep, Lockdep):
        lockdep.validator.settle()
    found = findings_of(fixtures)
    if found:
        pytest.fail("\n\n".join(map(splat, found)), pytrace=False)


def findings_of(fixtures: Mapping[str, Any]) -> list[Finding]:
    """What the fixtures of a test have found so far."""
    watchers = [each for each in fixtures.values() if isinstance(each, Worlds | Lockdep)]
    return [finding for each in watchers for finding in each.findings]


def judge(fixtures: Mapping[str, Any], execution: Execution) -> list[Finding]:
    """What an execution has found; if nobody can go on in the world, who waits for whom."""
    found = findings_of(fixtures)
    worlds = fixtures.get("nova_world")
    if execution.ending is Ending.DEADLOCK and isinstance(worlds, Worlds) and worlds.made:
        asleep: dict[Hashable, Operation] = {
            task: task.operation for task in execution.tasks if task.operation is not None
        }
        found.append(deadlock(asleep, worlds.made[-1].kernel.lockdep, tasks_of("asyncio").name))
    return found
