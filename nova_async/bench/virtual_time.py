"""Virtual time: a task for each CPU, and each access to the device takes as long as the cost model says.

The model's code runs as it is, on the explorer's controlled loop. Between two points a task has the CPU to itself, and
what it does to the device moves the model clock. So every task has a time of its own; the strategy lets the one go on
whose time is least, and sets the clock to it. Who has to wait for a lock goes on when its holder has let go of it, in
virtual time, and first come is first served. The same program takes the same time, to the nanosecond, everywhere.

What costs nothing: whatever does not touch the device. This is about who waits for the hardware behind whom.
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from nova_async.errors import InternalError
from nova_async.explore import Execution, explore
from nova_async.explore.strategies import Basic
from nova_async.explore.task import ControlledTask
from nova_async.hw.clock import ModelClock
from nova_async.lockdep import LockMap, NullValidator
from nova_async.operation import Kind

MAX_STEPS = 10_000_000


@dataclass(slots=True)
class Parked:
    """A task at a point.

    Attributes:
        since: the step in which it came there.
        at: the virtual time when it did.
        waited: for how long it has waited for locks so far, in ns.
    """

    since: int = -2
    at: int = 0
    waited: int = 0


class Released(NullValidator):
    """Not a validator: notes when each lock was let go.

    Args:
        clock: the virtual time.

    Attributes:
        at: when each lock was, by its instance.
    """

    def __init__(self, clock: ModelClock) -> None:
        super().__init__()
        self.at: dict[str, int] = {}
        self._clock = clock

    def release(self, lock: LockMap) -> None:
        """It is free from now on."""
        self.at[lock.instance] = self._clock.now


class VirtualTime(Basic):
    """Lets the task go on whose time is least.

    Attributes:
        clock: give it to the board.
        lockdep: give it to the kernel.
    """

    def __init__(self) -> None:
        self.clock = ModelClock()
        self.lockdep = Released(self.clock)
        self._parked: dict[ControlledTask, Parked] = {}
        self._running = Parked()
        self._tasks: Sequence[ControlledTask] = ()

    @property
    def waited(self) -> int:
        """For how long the running task has waited for locks so far, in ns."""
        return self._running.waited

    def begin(self, execution: Execution) -> bool:
        """Its tasks, as they come and go."""
        self._tasks = execution.tasks
        return True

    def choose(
        self,
        enabled: Sequence[ControlledTask],
        current: ControlledTask | None,  # noqa: ARG002  its time is the clock's
    ) -> ControlledTask:
        """Whoever can go on first; of several, who has been there longest."""
        self._note_arrivals()
        task = min(enabled, key=self._turn)
        parked = self._running = self._parked[task]
        start = self._start(task, parked)
        if task.operation is not None and task.operation.kind is Kind.ACQUIRE:
            parked.waited += start - parked.at
        self.clock.now = start
        return task

    def _note_arrivals(self) -> None:
        """Who has come to a point in the step that has just ended, came there at its end."""
        for task in self._tasks:
            parked = self._parked.get(task)
            if parked is None:
                parked = self._parked[task] = Parked()
            if parked.since != task.since and task.operation is not None:
                parked.since, parked.at = task.since, self.clock.now

    def _turn(self, task: ControlledTask) -> tuple[int, int, int]:
        parked = self._parked[task]
        return self._start(task, parked), parked.at, task.index

    def _start(self, task: ControlledTask, parked: Parked) -> int:
        """When it can go on."""
        operation = task.operation
        return max(parked.at, self.lockdep.at.get(operation.resource, 0) if operation is not None else 0)


@dataclass(slots=True)
class Stopwatch:
    """Virtual time and waiting, of the task that asks.

    Attributes:
        time: whose.
        waits: of each block so far, in ns.
    """

    time: VirtualTime
    waits: list[int] = field(default_factory=list)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """How long the running task waits for locks in this block."""
        before = self.time.waited
        yield
        self.waits.append(self.time.waited - before)

    def percentile(self, percent: float) -> int:
        """No more than 100 minus ``percent`` of the blocks waited longer; 0 if there was none."""
        ranked = sorted(self.waits)
        return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else 0


def run_in(time: VirtualTime, program: Callable[[], Awaitable[None]]) -> None:
    """Run ``program`` once, from its beginning to its end.

    Raises:
        InternalError: it failed.
    """
    result = explore(program, strategy=time, max_executions=1, max_steps=MAX_STEPS)
    if not result.ok:
        raise InternalError(f"virtual time: {result.failures[0].message}")
