"""Makes events of steps, for the strategies that reason about their order."""

from nova_async.explore.execution import Ending, Execution
from nova_async.explore.strategies.event import Event, EventId
from nova_async.explore.strategies.happens_before import HappensBefore, Race
from nova_async.explore.task import ControlledTask
from nova_async.operation import Kind, Operation


class Recorder:
    """The events of the present execution; those of the prefix that it shares with the one before are kept.

    Attributes:
        order: the events and their happens-before.
        races: those found in this execution.
    """

    def __init__(self) -> None:
        self.order = HappensBefore()
        self.races: list[Race] = []
        self._execution: Execution
        self._known = 0
        self._steps = 0
        self._next: Event
        self._operation: Operation
        self._held: dict[str, Operation] = {}
        self._before: list[frozenset[EventId]] = []

    def begin(self, execution: Execution, shared: int) -> None:
        """An execution whose first ``shared`` steps are those of the one before."""
        self._execution = execution
        self._known = shared
        self._steps = 0
        self._held.clear()
        self._before = []
        self.races = []
        self.order.cut(shared)

    def step_begins(self, task: ControlledTask) -> Event:
        """The event of the step that ``task`` is about to take, as far as it is known before."""
        assert task.operation is not None  # noqa: S101  it is parked
        self._operation = task.operation
        self._see_time_pass()
        self._next = self._event(task) if self._steps >= self._known else self.order.events[self._steps]
        self._steps += 1
        return self._next

    def step_ended(self) -> Event | None:
        """The event of the last step, in full; None before the first step."""
        if not self._steps:
            return None
        event = self._next
        new = self._steps > len(self.order)
        if new:
            self._complete(event)
            self.races += self.order.add(event)
        self._watch_locks(event, new=new)
        return event

    def could_run(self, key: str, step: int) -> bool:
        """Whether the task was runnable when the step was chosen."""
        return any(task.key == key for task in self._execution.runnable[step])

    def execution_ended(self) -> None:
        """Look at what stays blocked too."""
        if self._execution.ending is not Ending.DEADLOCK:
            return
        self._see_time_pass()
        for task in self._execution.tasks:
            if task.operation is not None:
                self._operation = task.operation
                self.races += self.order.races_of_blocked(self._event(task))

    def _event(self, task: ControlledTask) -> Event:
        operation = self._operation
        event = Event(task.key, self.order.steps_of(task.key), operation.resource, operation.kind, task.cancelled_here)
        needed = set(self._before[task.era - 1]) if task.era else set()
        if task.since >= 0 and self._execution.chosen[task.since] is not task:
            needed.add(self.order.events[task.since].id)
        needed.update(self.order.events[step].id for step in task.joined if step >= 0)
        if operation.kind is Kind.WAIT and not task.cancelled_here:
            self._explain_wait(event, task, needed)
        event.after = frozenset(needed)
        if task.cancelled_here and task.cancelled_in:
            event.cancelled_after = self._before[task.cancelled_in - 1]
        return event

    def _explain_wait(self, event: Event, task: ControlledTask, needed: set[EventId]) -> None:
        """Find the step that made a wait possible."""
        runnable = self._execution.runnable
        first = task.since + 1
        while first < len(runnable) and task not in runnable[first]:
            first += 1
        only = self.order.signalled_once(event.resource)
        if only is not None:
            needed.add(only.id)
        elif first in self._execution.jumps:
            needed |= self._before[self._execution.jumps.index(first)]
        elif first > task.since + 1:
            needed.add(self.order.events[first - 1].id)
        elif not self.order.signalled(event.resource):
            event.touches_all = True

    def _complete(self, event: Event) -> None:
        step = self._steps - 1
        execution = self._execution
        if execution.cancels and execution.cancels[-1][0] == step:
            victims = [task.key for at, task in execution.cancels if at == step and task.key != event.task]
            event.cancels = tuple(dict.fromkeys(victims))
        if execution.scopes_cancelled and execution.scopes_cancelled[-1] == step:
            # Who was in the scope once, and would have been cancelled by it in another order, nobody knows.
            event.touches_all = True
        if execution.picks and execution.picks[-1][0] == step:
            event.picks = tuple((value, n) for at, n, value in execution.picks if at == step)

    def _watch_locks(self, event: Event, *, new: bool) -> None:
        """A lock that can be had again was let go in this step, or by somebody whom time has woken since."""
        if event.kind is Kind.ACQUIRE and not event.unwound:
            self._held[event.resource] = self._operation
        for resource, operation in tuple(self._held.items()):
            if operation.enabled():
                del self._held[resource]
                if new:
                    self.order.release(resource, after_all=self._steps in self._execution.jumps)

    def _see_time_pass(self) -> None:
        """What time sets going comes after all that was before: it passes only when nobody can go on."""
        while len(self._before) < len(self._execution.jumps):
            self._before.append(self.order.last_of_each(self._steps))


def foreseen(task: ControlledTask) -> Event:
    """What the next step of a task looks like from outside; the number is that of no step."""
    assert task.operation is not None  # noqa: S101  it is parked
    return Event(task.key, -1, task.operation.resource, task.operation.kind)
