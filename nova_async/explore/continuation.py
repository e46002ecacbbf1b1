"""Lets an execution that was ended go on for a while, to see whether it ends by itself, and who gets anywhere.

In turns: of those who can go on, whoever has waited longest goes first. That is strongly fair: whoever can go on again
and again is the one who has waited longest after as many occasions as there are tasks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from nova_async.explore.execution import Ending, Execution, sentence_of
from nova_async.explore.loop import ControlledLoop
from nova_async.explore.situation import situation_of
from nova_async.explore.task import ALWAYS, ControlledTask
from nova_async.point import observe
from nova_async.runtime import attending

LIFE = "life of "
"""What the operation is done to that kills a client. It may happen, and need not: fairness does not ask for it."""

KILLER = "killer of "
"""What a task is called that does that."""

WATCHED = 2_000
"""Situations are looked at in so many of the last steps; a round of a loop that takes more than half is not seen."""

ENOUGH = 200
"""After so many looks nobody looks any more, if the last seven eighths have shown nothing new: it takes its time."""


def can_go_on(task: ControlledTask) -> bool:
    """Whether a task can take a step."""
    operation = task.operation
    return operation is not None and (operation.enabled is ALWAYS or task.cancelled_here or operation.enabled())


def kills(task: ControlledTask) -> bool:
    """Whether a task waits to kill another one."""
    return task.operation is not None and task.operation.resource.startswith(LIFE)


@dataclass(slots=True)
class Onward:
    """What came of it.

    Attributes:
        steps: how many more were taken.
        ending: how it ended; None if it did not.
        raised: what the program raised then, in a sentence.
        stopped: nobody could go on whose turn it was, but somebody else.
        timeout_ahead: a timer was pending all the while, and time passes only when nobody can take a step.
        rounds: what the tasks did, and to which resource, since somebody was last seen where he had not been before.
        fresh: when that was, counted like ``looks``.
        looks: at how many situations was looked.
    """

    steps: int = 0
    ending: Ending | None = None
    raised: str = ""
    stopped: bool = False
    timeout_ahead: bool = False
    rounds: dict[ControlledTask, dict[str, str]] = field(default_factory=dict)
    fresh: int = 0
    looks: int = 0

    @property
    def going_round(self) -> list[ControlledTask]:
        """The tasks that took steps then, oldest first."""
        return sorted(self.rounds, key=lambda task: task.index)

    @property
    def settled(self) -> bool:
        """More looks would show nothing new."""
        return self.looks >= max(ENOUGH, 8 * self.fresh)

    @property
    def in_circles(self) -> bool:
        """Nothing would end it, and for a long time nobody came to where he had not been before."""
        at_large = self.ending is None and not self.stopped and not self.timeout_ahead
        return at_large and bool(self.rounds) and self.looks >= 2 * self.fresh


class Continuation:
    """An execution that goes on.

    Args:
        loop: that it runs on.
        execution: its record, which stays as it is.
        root: its root task.
    """

    def __init__(self, loop: ControlledLoop, execution: Execution, root: ControlledTask) -> None:
        self._loop = loop
        self._execution = execution
        self._root = root
        self._turns: dict[ControlledTask, int] = {}
        self._turn = 0
        self._seen: dict[ControlledTask, set[object]] = {}
        self._alive = (0, 0)
        self._watched = False

    def go_on(
        self, steps: int, leaving_out: Collection[ControlledTask] = (), order: Sequence[ControlledTask] = ()
    ) -> Onward:
        """So many steps, or passages of time, or until it ends.

        Args:
            steps: at most.
            leaving_out: the tasks that get no turn.
            order: who has his turn when, over and over; whoever has waited longest if it is empty.
        """
        loop, onward, picker = self._loop, Onward(), self._loop.picker
        ahead = self._deadlines()
        self._seen.clear()
        loop.picker = _simplest
        try:
            while onward.steps < steps and onward.ending is None and not onward.stopped:
                self._watched = onward.steps >= steps - WATCHED and not onward.settled
                self._step(onward, leaving_out, order[onward.steps % len(order)] if order else None)
        finally:
            loop.picker = picker
        onward.timeout_ahead = not ahead.isdisjoint(self._deadlines())
        return onward

    def _deadlines(self) -> set[float]:
        return set(self._execution.timers.pending()[1:])

    def _step(self, onward: Onward, leaving_out: Collection[ControlledTask], turn: ControlledTask | None) -> None:
        if self._root.done():
            onward.ending = Ending.RETURNED
            error = None if self._root.cancelled() else self._root.exception()
            if error is not None:
                onward.ending, onward.raised = Ending.RAISED, sentence_of(error)
            return
        able = [task for task in self._execution.tasks if can_go_on(task)]
        chosen = [task for task in able if task not in leaving_out and not kills(task) and turn in (None, task)]
        onward.steps += 1
        if chosen:
            self._resume(min(chosen, key=self._last_turn), onward)
        elif able:
            onward.stopped = True
        else:
            self._pass_time(onward)

    def _resume(self, task: ControlledTask, onward: Onward) -> None:
        self._turn += 1
        self._turns[task] = self._turn
        if self._watched:
            self._look(task, onward)
        self._loop.resume(task)
        self._loop.settle()

    def _pass_time(self, onward: Onward) -> None:
        if self._watched:
            for task in asleep(self._execution):
                self._look(task, onward)
        if not self._loop.pass_time():
            onward.ending = Ending.DEADLOCK

    def _last_turn(self, task: ControlledTask) -> int:
        return self._turns.get(task, 0)

    def _look(self, task: ControlledTask, onward: Onward) -> None:
        """An attendant goes on for as long as others do, so that whatever he counts is no progress."""
        onward.looks += 1
        tasks = self._execution.tasks
        alive = len(tasks), tasks[-1].index
        seen = self._seen.setdefault(task, set())
        situation = situation_of(task) if not task.context.get(attending) else None
        if situation not in seen or alive != self._alive:
            seen.add(situation)
            self._alive = alive
            onward.fresh = onward.looks
            onward.rounds.clear()
        operation = task.operation
        did, resource = (repr(operation), operation.resource) if operation is not None else ("sleep", "")
        onward.rounds.setdefault(task, {})[did] = resource


def asleep(execution: Execution) -> list[ControlledTask]:
    """Those who wait for something that is no point, and not for their own children."""
    parents = {task.parent for task in execution.tasks}
    return [task for task in execution.tasks if task.operation is None and task not in parents]


def _simplest(_n: int) -> int:
    observe(0)
    return 0
