"""The record of one execution: what was chosen, out of what, and how it ended."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nova_async.explore.handles import Timers
from nova_async.explore.state import Digest
from nova_async.explore.task import ControlledTask
from nova_async.explore.touching import Touching
from nova_async.findings import Finding
from nova_async.operation import Operation


class Ending(StrEnum):
    """How an execution ended."""

    RETURNED = "returned"
    """The root task returned."""
    RAISED = "raised"
    """The root task raised, or another one did and nobody looked."""
    DEADLOCK = "deadlock"
    """Tasks are left, and none of them can ever go on."""
    CUT = "cut"
    """The strategy had seen enough."""
    TOO_LONG = "too long"
    """It took more steps than one execution may, or goes round in a circle."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One task of a deadlock.

    Attributes:
        task: its name.
        what: the operation it waits to do.
        holder: who holds the resource, where that is known.
    """

    task: str
    what: str
    holder: str | None = None

    def __str__(self) -> str:
        held = f", held by {self.holder}" if self.holder else ""
        return f"{self.task} waits for {self.what}{held}"


def sentence_of(error: BaseException) -> str:
    """One line; the error itself where it is the only one of a task group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    name, said = type(error).__name__, str(error)  # an errno says its name itself
    return (said if said.startswith(f"{name}: ") else f"{name}: {said}").partition("\n")[0]


def _it_is_not() -> None:
    pass


@dataclass(slots=True)
class Execution:
    """One execution, while it runs and after.

    Attributes:
        chosen: the task of every step.
        operations: what it did in that step; the operation it was cancelled at, if it was.
        unwound: the steps in which it was: the task got its cancellation instead.
        runnable: out of which tasks it was chosen, oldest first.
        alike: the keys of tasks that differ in nothing but that, and where they come in this order.
        untold: what somebody depends on and nobody tells, in sentences; no matter to who tries every order.
        picks: every data choice: the step, the number of values, the value.
        cancels: every cancellation of a task: the step, and who was cancelled.
        scopes_cancelled: the steps in which a cancel scope was cancelled, also when nobody was in it.
        jumps: the steps before which time passed.
        doubts: why it may not repeat itself, or why its state is not known in full.
        problems: what reached the loop's exception handler.
        digest: the hash of the shared state.
        timers: virtual time.
        tasks: the tasks that have not ended, oldest first.
        touching: what the present step touches.
        ended: the hash of what the tasks were told that have.
        ending: how it ended.
        value: what the root task returned.
        error: what it raised, or what nobody caught.
        waiting: who waits for what in a deadlock.
        in_circle: the strategy knows that it goes round in a circle, and has ended it.
        why_endless: finds out why it took too many steps, if it did; it goes on for that, so that all else that was
            found has to be collected before.
    """

    chosen: list[ControlledTask] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    unwound: list[int] = field(default_factory=list)
    runnable: list[list[ControlledTask]] = field(default_factory=list)
    alike: dict[str, str] = field(default_factory=dict)
    untold: dict[str, None] = field(default_factory=dict)
    picks: list[tuple[int, int, int]] = field(default_factory=list)
    cancels: list[tuple[int, ControlledTask]] = field(default_factory=list)
    scopes_cancelled: list[int] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    doubts: dict[str, None] = field(default_factory=dict)
    problems: list[BaseException] = field(default_factory=list)
    digest: Digest = field(default_factory=Digest)
    timers: Timers = field(default_factory=Timers)
    tasks: list[ControlledTask] = field(default_factory=list)
    ended: int = 0
    touching: Touching = field(default_factory=Touching)
    ending: Ending = Ending.CUT
    value: Any = None
    error: BaseException | None = None
    waiting: tuple[Waiting, ...] = ()
    in_circle: bool = False
    why_endless: Callable[[], Finding | None] = _it_is_not

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.chosen)

    @property
    def outcome(self) -> Hashable:
        """What two schedules with the same result have in common; None where it was cut short."""
        match self.ending:
            case Ending.RETURNED:
                return repr(self.value)
            case Ending.RAISED:
                return sentence_of(self.error) if self.error else ""
            case Ending.DEADLOCK:
                return "deadlock: " + "; ".join(str(waiting) for waiting in self.waiting)
            case _:
                return None
