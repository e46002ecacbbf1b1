"""Sees cancel scopes being entered and cancelled, and tasks that come to the end of a group.

Cancelling a scope that all have left does nothing. But had it come earlier it would have done something, so a strategy
that leaves out orders has to know of it. Whether the tasks of a group have ended matters to who waits for them at its
end, and not before.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from anyio._backends._asyncio import CancelScope, TaskGroup, _task_states

from nova_async.explore.task import ControlledTask

if TYPE_CHECKING:
    from nova_async.explore.loop import ControlledLoop


CANCELLED_BEFORE = "a cancel scope was cancelled before anybody entered it: nobody tells whom that concerns"


class Watch:
    """Tells of them to the touching of the present step.

    Args:
        loop: knows who runs.
    """

    def __init__(self, loop: "ControlledLoop") -> None:
        self._loop = loop

    def entered(self, scope: CancelScope) -> None:
        """The running task is about to enter a scope."""
        if self._loop.naming is not None and self._loop.running is not None:
            self._loop.execution.touching.scope_entered(scope, self._loop.running)
            if scope.cancel_called:
                self._loop.execution.untold[CANCELLED_BEFORE] = None

    def left(self) -> None:
        """It has left one."""
        if self._loop.naming is not None and self._loop.running is not None:
            self._loop.execution.touching.scope_left(self._loop.running)

    def cancelled(self, scope: CancelScope) -> None:
        """Somebody, or time, is about to cancel one."""
        execution = self._loop.execution
        execution.touching.scope_cancelled(scope)
        if not self._loop.jumping:
            execution.scopes_cancelled.append(self._loop.step)

    def end_of_group(self) -> None:
        """The running task has come to the end of a group."""
        if self._loop.running is not None:
            self._loop.execution.touching.joins(self._loop.running)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Tell of the scopes and groups of anyio's asyncio backend, and of asyncio's groups."""
    with ExitStack() as undo:
        for cls, name, made in (
            (CancelScope, "__enter__", _entering),
            (CancelScope, "__exit__", _leaving),
            (CancelScope, "cancel", _cancelling),
            (TaskGroup, "__aexit__", _joining),
            (asyncio.TaskGroup, "__aexit__", _joining),
        ):
            original = getattr(cls, name)
            undo.callback(setattr, cls, name, original)
            setattr(cls, name, made(original, watch))
        yield


def _entering(enter: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    def watched_enter(scope: CancelScope) -> Any:
        watch.entered(scope)
        return enter(scope)

    return watched_enter


def _leaving(leave: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    def watched_exit(scope: CancelScope, *error: Any) -> Any:
        try:
            return leave(scope, *error)
        finally:
            watch.left()

    return watched_exit


def _cancelling(cancel: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    def watched_cancel(scope: CancelScope, reason: str | None = None) -> None:
        watch.cancelled(scope)
        cancel(scope, reason)

    return watched_cancel


def _joining(join: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    def watched_join(*args: Any) -> Any:
        watch.end_of_group()
        return join(*args)

    return watched_join


def scopes_around(task: ControlledTask) -> Iterator[CancelScope]:
    """The cancel scopes that a task is in, and those around its groups, from the inside out."""
    state = _task_states.get(task)
    scope = state.cancel_scope if state is not None else None
    while scope is not None:
        yield scope
        scope = scope._parent_scope  # noqa: SLF001  anyio has no public way from a scope to the one around it


def is_shielded(task: ControlledTask) -> bool:
    """Whether a task does not notice when what is around its shield is cancelled."""
    return any(scope.shield for scope in scopes_around(task))
