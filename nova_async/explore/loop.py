"""The controlled loop: asyncio's face, without a selector, and with every order chosen by somebody.

A point is a bare ``yield``, announced to the loop just before. asyncio's task answers a bare yield with
``loop.call_soon(step)``; the loop takes that callback and parks the task under the announced operation. (The other way,
an object that plays the future the task waits for, was measured too: 0.83 µs a step against 0.58 µs, on 3.11 and 3.13
alike, as the task calls three methods of it in Python.)

Everything else that asyncio and anyio schedule is housekeeping. It runs in the order in which it came, as the tail
of the step that caused it, until nothing is left but parked tasks.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Literal

from sniffio import current_async_library_cvar

from nova_async.errors import InternalError, UsageError
from nova_async.explore.controlled import Controlled
from nova_async.explore.execution import Execution
from nova_async.explore.handles import Housekeeping, task_stepped_by
from nova_async.explore.refused import RefusedCalls, refusing_threads_and_sleep
from nova_async.explore.state import Digest, hash_name
from nova_async.explore.task import RESUME, ControlledTask, Names, waits_for_group
from nova_async.explore.watched import Watch, watching
from nova_async.operation import Access, Kind, Operation
from nova_async.point import running_under
from nova_async.runtime import Naming, Runtime

Points = Literal["points", "awaits"]
"""Where another task may run: where code says so, or wherever a task resumes."""

UNWINDING_ROUNDS = 100
"""A task that has swallowed this many cancellations is left behind."""


_WOKEN = hash_name("woken")


JOINED = "a task was waited for by itself, and not at the end of its group: nobody tells who looks whether it has ended"


class ControlledLoop(RefusedCalls):
    """An event loop that serves many executions, one after the other.

    Args:
        points: ``points`` lets another task run only at points; ``awaits`` makes a choice of every step of every task,
            so that code without points can be explored.
        passes: the kinds of operations that are no points here.

    Attributes:
        running: the task that is taking a step.
        announced: the operation at which the running task is about to park.
        execution: the record of the present execution.
        picker: makes data choices.
        step: the number of the present step, from 0; -1 before the first.
        ready: the housekeeping that is left to do.
        naming: how states are told apart; None if nobody does, and no history is kept.
        jumping: time is passing, and no task takes a step.
        opaque: the caches whose content matters; None if everything does.
    """

    def __init__(self, points: Points = "points", passes: Collection[Kind] = ()) -> None:
        self.running: ControlledTask | None = None
        self.announced: Operation | None = None
        self.execution = Execution()
        self.step = -1
        self.naming: Naming | None = None
        self.opaque: dict[str, None] | None = None
        self.passes = passes
        self.picker: Callable[[int], int] = _simplest
        self._awaits = points == "awaits"
        self._housekeeping = Housekeeping(self._housekeep)
        self.ready = self._housekeeping.ready
        # What asyncio's task is given for a step that is parked; it does not look at it.
        self._parked = asyncio.Handle(_nothing, (), self)
        self._names = Names()
        self._spawned = 0
        self._executions = 0
        self._era = 0
        self.jumping = False
        self.unwinding = False
        self._failed: list[ControlledTask] = []
        # Kept, so that a forgotten one is closed at the end of its execution and not when it happens to be collected.
        self._generators: list[AsyncGenerator[Any, Any]] = []
        self._context = copy_context()
        # As anyio.run does: otherwise every event and task group looks for a running task to know its backend by.
        self._context.run(current_async_library_cvar.set, "asyncio")
        self._runtime = Controlled(self)

    # What explored code and asyncio call.

    def call_soon(  # type: ignore[override]  # of any arguments
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Park the running task if it has announced an operation; otherwise this is housekeeping."""
        if self.announced is not None:
            task = self.running
            assert task is not None  # noqa: S101  only a task awaits
            task.operation, self.announced = self.announced, None
            task.wakeup = callback
            task.since = self.step
            task.era = self._era
            return self._parked
        if self._awaits:
            stepped = task_stepped_by(callback)
            if stepped is not None:
                return self._park_at_await(stepped, partial(callback, *args))
        handle = asyncio.Handle(callback, args, self, context)
        self.ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]  # of any arguments
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """In ``delay`` virtual seconds."""
        return self.call_at(self.execution.timers.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # of any arguments
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """At ``when``, in virtual seconds since the execution began."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.execution.timers.add(handle)
        self.execution.touching.touch("time", Access.WRITE)
        return handle

    def time(self) -> float:
        """Virtual seconds since the execution began."""
        return self.execution.timers.now

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the stub wants a coroutine-like, and tasks that may be eager
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> ControlledTask:
        """A task that takes its first steps, up to its first point, at the end of the present step."""
        names = self._names.of(name, coro, self.running)
        self._spawned += 1
        task = ControlledTask(
            coro,
            loop=self,
            names=names,
            index=self._spawned,
            execution=self._executions,
            context=copy_context() if context is None else context,
        )
        self.execution.tasks.append(task)
        return task

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """Whether a task is taking a step."""
        return self.running is not None

    def is_closed(self) -> bool:
        """Never: it is kept."""
        return False

    def get_task_factory(self) -> None:
        """None: the tasks are the loop's own."""

    def set_task_factory(self, factory: object) -> None:
        """Refuse any.

        Raises:
            UsageError: always, unless ``factory`` is None.
        """
        if factory is not None:
            raise UsageError("a task factory cannot be set on the explorer's loop: its tasks are its own")

    def call_exception_handler(self, context: Any) -> None:
        """Keep what nobody caught; it fails the execution."""
        error = context.get("exception")
        if not self.unwinding:
            self.execution.problems.append(error if error is not None else InternalError(context["message"]))

    default_exception_handler = call_exception_handler

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: cancelled timers are passed over."""

    # What a driver of executions calls.

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be the running loop, for as long as executions follow each other."""
        if asyncio._get_running_loop() is not None:  # noqa: SLF001  the documented way for loops
            raise UsageError("explore() was called on a running event loop; call it from plain code")
        hooks = sys.get_asyncgen_hooks()
        asyncio._set_running_loop(self)  # noqa: SLF001
        sys.set_asyncgen_hooks(firstiter=self._generators.append)
        try:
            with (
                refusing_threads_and_sleep(self.is_running),
                watching(Watch(self)),
                running_under(self._runtime),  # shared state is named when a strategy asks, outside all tasks
            ):
                yield
        finally:
            sys.set_asyncgen_hooks(*hooks)
            asyncio._set_running_loop(None)  # noqa: SLF001

    def forked(self) -> None:
        """Be the running loop in a fork as well: asyncio knows it by the process."""
        asyncio._set_running_loop(self)  # noqa: SLF001  the documented way for loops

    def prepare(self) -> Execution:
        """A fresh execution, with time at zero and no task."""
        self.execution = Execution()
        self.step = -1
        self._names = Names()
        self._spawned = 0
        self._executions += 1
        self._era = 0
        return self.execution

    def start(self, main: Coroutine[Any, Any, Any]) -> ControlledTask:
        """Make ``main`` the root task of the prepared execution."""
        return self.create_task(_under(self._runtime, main), name="root", context=self._context.copy())

    def settle(self) -> None:
        """Run all housekeeping."""
        self._housekeeping.settle()
        self.running = None

    def resume(self, task: ControlledTask) -> None:
        """Let a parked task take its step, up to its next point; the housekeeping that follows is left to do."""
        self.step += 1
        if self.naming is not None:
            self.execution.touching.begin(task)
        self._run_on(task)

    def pass_time(self) -> bool:
        """Fire the next timers, and let those whom they wake go on to their next points; whether there were any."""
        fired = self.execution.timers.pass_time()
        if not fired:
            return False
        self.execution.jumps.append(self.step + 1)
        self._era += 1
        self.jumping = True
        self.ready.extend(fired)
        self.settle()
        self.jumping = False
        return True

    def unwind(self) -> None:
        """End what is left of the execution: cancel every task wherever it is, and forget timers and callbacks."""
        self.unwinding = True
        for _ in range(UNWINDING_ROUNDS):
            if self.execution.tasks:
                self._cancel_all()
            elif not self._close_generators():
                break
        for task in self.execution.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001  we know
        for task in self._failed:
            task._log_traceback = False  # noqa: SLF001
        self._failed.clear()
        self.ready.clear()
        self.unwinding = False

    def unseen_errors(self) -> list[BaseException]:
        """What nobody caught, and what tasks raised that nobody has asked for its result."""
        # asyncio would tell of the latter whenever the task is collected, which is no time at all.
        unseen = [task.exception() for task in self._failed if task._log_traceback]  # noqa: SLF001
        return [*self.execution.problems, *filter(None, unseen)]

    @property
    def observed(self) -> ControlledTask | None:
        """The task whose history is kept: the running one, if anybody wants it."""
        return self.running if self.naming is not None else None

    @property
    def digest(self) -> Digest | None:
        """The hash of the shared state, if anybody wants it."""
        return self.execution.digest if self.naming is not None else None

    def note_cancelled(self, task: ControlledTask) -> None:
        """A task was cancelled in the present step, or by the time that has passed."""
        self.execution.touching.cancelled(task)
        if self.jumping:
            task.cancelled_in = self._era
        else:
            self.execution.cancels.append((self.step, task))

    # Steps.

    def _run_on(self, task: ControlledTask) -> None:
        task.operation = None
        task.cancelled_here = False
        task.mark = 0
        task.group = None
        self.running = task
        task.context.run(task.wakeup)
        if task.operation is None:
            self._stepped(task)
        self.running = None

    def _park_at_await(self, task: ControlledTask, wakeup: Callable[[], object]) -> asyncio.Handle:
        task.operation = RESUME
        task.wakeup = wakeup
        task.since = self.step
        task.era = self._era
        return self._parked

    def _housekeep(self, task: ControlledTask, handle: asyncio.Handle) -> None:
        """A step that is no choice: a first step, or one after a wait for something that is no point."""
        if handle._args:  # noqa: SLF001
            self._woken(task, handle._args[0])  # noqa: SLF001
        self.running = task
        task.mark = 0
        task.group = None
        if task.since < 0:
            self.execution.touching.began(task)
        self.execution.touching.joins(task)
        # What Handle._run does, but for errors of the callback: that of a task's step has none.
        handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]  # noqa: SLF001
        if task.operation is None:
            self._stepped(task)
        self.running = None

    def _woken(self, task: ControlledTask, future: object) -> None:
        """Say what a task waited for that was no point: other tasks, time, or something nobody knows."""
        execution = self.execution
        step = self.step
        if isinstance(future, ControlledTask):
            execution.untold[JOINED] = None
            task.joined = (step,)
            task.history = hash((task.history, future.history))
        elif waits_for_group(task):
            task.joined = tuple(task.ends)
            execution.touching.woken_by_all(task)
        elif not self.jumping and not task.cancelling():
            execution.doubts[f"{task.name} waited for something that is no point"] = None
        task.history = hash((task.history, _WOKEN))

    def _stepped(self, task: ControlledTask) -> None:
        """A task has not parked: it waits for something that is no point, or has ended."""
        if task.done():
            execution = self.execution
            execution.tasks.remove(task)
            execution.touching.ended(task)
            if self.naming is not None:
                execution.ended ^= hash((hash_name(task.key), task.history))
            if task._log_traceback:  # noqa: SLF001
                self._failed.append(task)
            if task.parent is not None:
                task.parent.ends.append(self.step)

    # The end of an execution.

    def _cancel_all(self) -> None:
        for task in reversed(self.execution.tasks):
            task.cancel()
        self.settle()
        for task in reversed(self.execution.tasks):
            if task.operation is not None:
                self._run_on(task)
        self.settle()

    def _close_generators(self) -> bool:
        """Begin to close those that are still open; whether there were any."""
        still_open = [generator for generator in self._generators if generator.ag_frame is not None]  # type: ignore[attr-defined]
        self._generators.clear()
        for generator in still_open:
            self.create_task(_close(generator), name="close a generator")
        self.settle()
        return bool(still_open)


def _simplest(_n: int) -> int:
    return 0


def _nothing() -> None:
    """The callback of a handle that is never run."""


async def _under(runtime: Runtime, main: Coroutine[Any, Any, Any]) -> object:
    with running_under(runtime):
        return await main


async def _close(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()
