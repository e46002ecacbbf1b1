"""Drives one execution: asks the strategy at every step, and says how it ended."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from nova_async.errors import InternalError, UsageError
from nova_async.explore.execution import Ending, Execution, Waiting
from nova_async.explore.loop import ControlledLoop
from nova_async.explore.progress import why_endless
from nova_async.explore.strategies.protocol import Strategy
from nova_async.explore.task import ALWAYS, ControlledTask, place_of
from nova_async.point import observe_guarded

Program = Callable[[], Awaitable[Any]]
"""What is explored: called once for every execution, it makes everything it uses afresh."""

WhoHolds = Callable[[str], str | None]
"""The name of the task that holds a resource, where somebody knows."""

IDLE = 100_000
"""Time passes so often at most without anybody taking a step: somebody looks at the clock again and again."""


def nobody_knows(_resource: str) -> str | None:
    """No holder is known."""
    return None


def _ignore(_execution: Execution) -> None:
    pass


class Driver:
    """Runs a program under a strategy, execution by execution.

    Args:
        loop: the loop to run on, installed.
        program: what to run.
        strategy: who chooses.
        max_steps: an execution that takes more steps is ended.
        who_holds: names the holder of a resource, for the report of a deadlock.

    Attributes:
        loop: the one it was given.
    """

    def __init__(
        self,
        loop: ControlledLoop,
        program: Program,
        strategy: Strategy,
        *,
        max_steps: int,
        who_holds: WhoHolds = nobody_knows,
    ) -> None:
        self.loop = loop
        self._program = program
        self._strategy = strategy
        self._max_steps = max_steps
        self._who_holds = who_holds
        loop.picker = self._pick
        loop.naming = strategy.naming
        loop.opaque = strategy.opaque

    def run(self, ended: Callable[[Execution], None] = _ignore) -> Execution | None:
        """One execution from beginning to end; None if the strategy has nothing left to try.

        Args:
            ended: is called before what the execution left is cleaned up.
        """
        loop = self.loop
        execution = loop.prepare()
        if not self._strategy.begin(execution):
            return None
        try:
            root = loop.start(_coroutine(self._program))
            loop.settle()
            execution.ending = self._drive(execution, root)
            self._conclude(execution, root)
            self._strategy.end(execution)
            if execution.ending is Ending.TOO_LONG:
                execution.why_endless = partial(why_endless, loop, execution, root, partial(self._who_waits, execution))
            ended(execution)
        finally:
            loop.unwind()
        return execution

    def _drive(self, execution: Execution, root: ControlledTask) -> Ending:
        loop, choose, tasks = self.loop, self._strategy.choose, execution.tasks
        chosen, operations, runnable = execution.chosen, execution.operations, execution.runnable
        ready = loop.ready
        current: ControlledTask | None = None
        while not root.done():
            enabled = [
                task
                for task in tasks
                if (operation := task.operation) is not None
                and (operation.enabled is ALWAYS or task.cancelled_here or operation.enabled())
            ]
            if not enabled:
                # Timers fire only now that nobody can take a step.
                if not loop.pass_time():
                    return Ending.DEADLOCK
                if _is_idle(execution):
                    return Ending.TOO_LONG
                continue
            if len(chosen) == self._max_steps:
                return Ending.TOO_LONG
            task = choose(enabled, current)
            if task is None:
                return Ending.TOO_LONG if execution.in_circle else Ending.CUT
            operation = task.operation
            if operation is None:
                raise InternalError(f"{task.name} was chosen to take a step and is not parked")
            if task.cancelled_here:
                execution.unwound.append(len(chosen))
            chosen.append(task)
            operations.append(operation)
            runnable.append(enabled)
            loop.resume(task)
            if ready:
                loop.settle()
            current = task
        return Ending.RETURNED

    def _pick(self, n: int) -> int:
        if n < 1:
            raise UsageError(f"a choice among {n} values; at least one was expected")
        value = self._strategy.pick(n)
        execution = self.loop.execution
        execution.picks.append((execution.steps - 1, n, value))
        observe_guarded(value)  # nobody else has anything to do with it
        return value

    def _conclude(self, execution: Execution, root: ControlledTask) -> None:
        if execution.ending is Ending.DEADLOCK:
            execution.waiting = self._who_waits(execution)
        if root.done() and not root.cancelled():
            execution.error = root.exception()
        unseen = self.loop.unseen_errors()
        if execution.error is None and unseen:
            execution.error = unseen[0]
        if execution.error is not None:
            execution.ending = Ending.RAISED
        elif execution.ending is Ending.RETURNED:
            execution.value = root.result()

    def _who_waits(self, execution: Execution) -> tuple[Waiting, ...]:
        """Those who wait for their own children only say nothing new."""
        parents = {task.parent for task in execution.tasks}
        return tuple(
            self._waiting(task) for task in execution.tasks if task.operation is not None or task not in parents
        )

    def _waiting(self, task: ControlledTask) -> Waiting:
        operation = task.operation
        if operation is None:
            return Waiting(task.name, f"something that is no point, in {place_of(task)}")
        return Waiting(task.name, repr(operation), self._who_holds(operation.resource))


def _is_idle(execution: Execution) -> bool:
    jumps = execution.jumps
    return len(jumps) > IDLE and jumps[-IDLE] == jumps[-1]


def _coroutine(program: Program) -> Coroutine[Any, Any, Any]:
    started = program()
    if isinstance(started, Coroutine):
        return started
    return _awaiting(started)


async def _awaiting(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
