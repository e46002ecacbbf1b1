"""The tasks of one execution, named by role and spawn path."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from collections.abc import Set as AbstractSet
from contextvars import Context
from functools import cache
from types import AsyncGeneratorType, CoroutineType
from typing import TYPE_CHECKING, Any, cast

from nova_async.operation import Kind, Operation

if TYPE_CHECKING:
    from nova_async.explore.loop import ControlledLoop

RESUME = Operation(Kind.WRITE, "loop")
"""A step of a task that has reached no point: with ``points="awaits"`` every step is one, and touches everything."""


ALWAYS = RESUME.enabled
"""What an operation is enabled by that is never blocked; asking it at every step takes a tenth of the time."""


class ControlledTask(asyncio.Task[Any]):
    """A task whose turn comes when the strategy says so.

    Attributes:
        key: role and spawn path, the same in every schedule.
        index: its place in the order of spawning.
        parent: who spawned it.
        has_children: it has spawned somebody.
        group: those at whose end it waits; None where that has to be looked up again.
        operation: what it is parked at; None while it runs, or waits for something that is no point.
        wakeup: makes its next step.
        context: to call ``wakeup`` in.
        cancelled_here: it is parked and will get a CancelledError instead of its operation.
        since: the step in which it parked.
        era: how often time had passed when it parked.
        cancelled_in: how often it had when passing time cancelled it last; 0 if it never did.
        joined: the steps in which the children it has waited for have ended.
        history: a hash of all that it was told, see :func:`nova_async.explore.state.observe`.
        births: how many things it has made that are named by birth.
        mark: its part of the global state's hash; 0 where that has to be computed again.
    """

    __slots__ = (
        "_hash",
        "births",
        "cancelled_here",
        "cancelled_in",
        "context",
        "controller",
        "ends",
        "era",
        "group",
        "has_children",
        "history",
        "index",
        "joined",
        "key",
        "mark",
        "operation",
        "parent",
        "since",
        "wakeup",
    )

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        loop: "ControlledLoop",
        names: tuple[str, str],
        index: int,
        execution: int,
        context: Context,
    ) -> None:
        # Before asyncio registers the task: that hashes it.
        self.index = index
        self._hash = index | (execution & 0xFFFFF) << 40
        self.key, shown = names
        self.controller = loop
        self.parent: ControlledTask | None = loop.running
        self.has_children = False
        self.group: AbstractSet[object] | None = None
        if self.parent is not None:
            self.parent.has_children = True
        self.operation: Operation | None = None
        self.wakeup: Callable[[], object]
        self.context = context
        self.cancelled_here = False
        self.since = -1
        self.era = 0
        self.cancelled_in = 0
        self.joined: tuple[int, ...] = ()
        self.ends: list[int] = []
        self.history = 0
        self.births = 0
        self.mark = 0
        super().__init__(coroutine, loop=loop, name=shown, context=context)

    def __hash__(self) -> int:
        # anyio walks sets of tasks: by address, the order of its cancellations would change from run to run. The low
        # bits order a set; the high ones keep the tasks of other executions apart that are not collected yet.
        return self._hash

    def cancel(self, msg: Any | None = None) -> bool:
        """As asyncio's; a parked task becomes enabled, to unwind."""
        was_cancelled = super().cancel(msg)
        # Still to be delivered, as the task is parked or running; otherwise what it waits for was cancelled.
        self.cancelled_here = self._must_cancel  # type: ignore[attr-defined]
        self.mark = 0
        self.controller.note_cancelled(self)
        return was_cancelled

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.get_name()


@cache
def role_in_name(name: str) -> tuple[str, bool]:
    """The role in the name that a starter gave, and whether it chose that name.

    anyio names a task after its function in full, ``package.module.test.<locals>.writer``; the role is ``writer``.
    """
    parts = name.split(".")
    if len(parts) > 1 and all(part.isidentifier() or part == "<locals>" for part in parts):
        return parts[-1], False
    return name, True


def role_of(name: str | None, coroutine: Coroutine[Any, Any, Any]) -> tuple[str, bool]:
    """The role in a task's name, that of its coroutine if it has none, and whether its starter chose that name."""
    if name is None:
        return getattr(coroutine, "__name__", type(coroutine).__name__), False
    return role_in_name(name)


class Names:
    """Gives every task of one execution its key and the name that is shown."""

    def __init__(self) -> None:
        self._spawned: dict[str, int] = {}

    def of(
        self, name: str | None, coroutine: Coroutine[Any, Any, Any], parent: ControlledTask | None
    ) -> tuple[str, str]:
        """Key and shown name of the next task that ``parent`` spawns."""
        role, chosen = role_of(name, coroutine)
        # The root is left out of the path: everybody is its child.
        path = role if parent is None or parent.parent is None else f"{parent.key}/{role}"
        count = self._spawned[path] = self._spawned.get(path, 0) + 1
        key = path if count == 1 else f"{path}#{count}"
        return key, role if chosen else key


_MACHINERY = ("anyio", "asyncio", "explore/loop.py", "contextlib.py")


def _awaiting(task: ControlledTask) -> "Iterator[CoroutineType[Any, Any, Any]]":
    """The coroutines that a task waits in, outermost first."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        if isinstance(awaited, CoroutineType):
            yield awaited
            awaited = awaited.cr_await
        else:
            awaited = _in_generator(awaited)


def _in_generator(awaited: object) -> object:
    """What an async generator waits for, if ``awaited`` is a step of one; Python has no public way from one to it."""
    generators = [other for other in gc.get_referents(awaited) if isinstance(other, AsyncGeneratorType)]
    return generators[0].ag_await if generators else None


def place_of(task: ControlledTask) -> str:
    """The innermost function of somebody's own in which a task waits, and the line."""
    place = task.name
    for coroutine in _awaiting(task):
        code, frame = coroutine.cr_code, coroutine.cr_frame
        if frame is not None and not any(part in code.co_filename for part in _MACHINERY):
            place = f"{code.co_qualname} (line {frame.f_lineno})"
    return place


def waits_for_group(task: ControlledTask) -> bool:
    """Whether a task waits at the end of a task group, anyio's or asyncio's."""
    *_, innermost = _awaiting(task)
    return innermost.cr_code.co_qualname == "TaskGroup.__aexit__"


def awaiting(task: ControlledTask) -> AbstractSet[str]:
    """The keys of those who cannot go on before ``task`` has ended, whoever else ends: they wait for its group."""
    keys = set()
    while task.parent is not None and task in _group_awaited_by(task.parent):
        task = task.parent
        keys.add(task.key)
    return keys


def _group_awaited_by(task: ControlledTask) -> AbstractSet[object]:
    """The tasks at whose group's end a task waits; looked up once while it stays there."""
    if task.group is None:
        task.group = _look_up_group(task)
    return task.group


def _look_up_group(task: ControlledTask) -> AbstractSet[object]:
    if task.operation is not None or not waits_for_group(task):
        return frozenset()
    *_, innermost = _awaiting(task)
    frame = innermost.cr_frame
    group = frame.f_locals.get("self") if frame is not None else None
    return cast("AbstractSet[object]", getattr(group, "_tasks", frozenset()))
