"""Housekeeping: the callbacks that are no steps, and the timers, which fire in virtual time."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from types import MethodType

from nova_async.errors import Uncontrolled
from nova_async.explore.task import ControlledTask

ROUNDS = 10_000
"""More rounds of housekeeping than this between two steps are callbacks that feed each other for ever."""


def task_stepped_by(callback: object) -> ControlledTask | None:
    """The task whose next step ``callback`` makes, if that is what it does."""
    owner = getattr(callback, "__self__", None)
    # asyncio hands out its own C objects for a step and a wakeup; a bound method such as task.cancel is none.
    return owner if type(owner) is ControlledTask and type(callback) is not MethodType else None


class Housekeeping:
    """Handles in the order in which they came.

    Args:
        step: runs a handle that is a step of the given task.
    """

    def __init__(self, step: Callable[[ControlledTask, asyncio.Handle], None]) -> None:
        self.ready: deque[asyncio.Handle] = deque()
        self._step = step

    def settle(self) -> None:
        """Run rounds until nothing is left to do.

        anyio re-arms the delivery of a cancellation for as long as a cancelled task has not finished, so handles may be
        left: a round in which no task took a step, and which leaves what it began with, changes nothing any more.

        Raises:
            Uncontrolled: tasks or callbacks wake each other for ever.
        """
        for _ in range(ROUNDS):
            if not self.ready:
                return
            batch = list(self.ready)
            self.ready.clear()
            if not self._run(batch) and _callbacks(batch) == _callbacks(self.ready):
                return
        busy = [task_stepped_by(callback) for callback in _callbacks(self.ready)]
        names = ", ".join(task.name for task in busy if task) or "callbacks"
        raise Uncontrolled(
            f"{names}: busy for ever without reaching a point; "
            "await a point in the loop, or explore with points='awaits'"
        )

    def _run(self, batch: list[asyncio.Handle]) -> bool:
        stepped = False
        for handle in batch:
            if handle._cancelled:  # noqa: SLF001  no public face
                continue
            task = task_stepped_by(handle._callback)  # type: ignore[attr-defined]  # noqa: SLF001
            if task is None:
                handle._run()  # noqa: SLF001
            else:
                stepped = True
                self._step(task, handle)
        return stepped


def _callbacks(handles: list[asyncio.Handle] | deque[asyncio.Handle]) -> list[object]:
    return [handle._callback for handle in handles if not handle.cancelled()]  # type: ignore[attr-defined]  # noqa: SLF001


class Timers:
    """Callbacks by virtual time.

    Attributes:
        now: seconds since the execution began.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0

    def add(self, handle: asyncio.TimerHandle) -> None:
        """Fire this one when its time has come; those of one moment in the order in which they were added."""
        self._count += 1
        heapq.heappush(self._heap, (handle.when(), self._count, handle))

    def pass_time(self) -> list[asyncio.Handle]:
        """Move to the next deadline; what fires then, nothing if there is none."""
        fired: list[asyncio.Handle] = []
        while self._heap and (not fired or self._heap[0][0] <= self.now):
            when, _, handle = heapq.heappop(self._heap)
            if not handle.cancelled():
                self.now = max(self.now, when)
                fired.append(handle)
        return fired

    def pending(self) -> tuple[float, ...]:
        """The present, and every deadline that is still ahead."""
        return (self.now, *sorted(when for when, _, handle in self._heap if not handle.cancelled()))
