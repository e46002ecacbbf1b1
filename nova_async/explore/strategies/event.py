"""Steps as events, and which two of them do not commute.

Two operations on one resource are dependent unless both only look (Abdulla, Aronis, Jonsson, Sagonas, "Source Sets: A
Foundation for Optimal Dynamic Partial Order Reduction", JACM 2017, section 3). Between lock operations that is
acquire against acquire; a release is charged to nobody: it is a part of its holder's step, which must only come before
the next acquire (peers.md section 2).

A wait is possible only after a signal of its resource. One that was possible without any depends on something that was
not announced, and is taken to depend on everything.
"""

from dataclasses import dataclass, replace

from nova_async.operation import Kind

_COMMUTE = {(Kind.READ, Kind.READ), (Kind.WAIT, Kind.WAIT), (Kind.ALLOC, Kind.ALLOC)}
"""Host memory never runs out in the model; an allocation that fails is a data choice of its own."""

EventId = tuple[str, int]
"""A task's key, and which of its steps."""


@dataclass(slots=True)
class Event:
    """One step.

    Attributes:
        task: who took it, by key.
        number: which of its steps.
        resource: what its operation is done to.
        kind: what the operation does to it.
        unwound: it was cancelled, and got its cancellation instead of doing the operation.
        touches_all: nobody knows what it depends on, so it depends on everything.
        after: the events without which it could not have been taken at all.
        cancelled_after: the events without which it could not have been cancelled.
        cancels: whom it cancelled.
        picks: the data choices made in it, each with the number of values there were.
    """

    task: str
    number: int
    resource: str
    kind: Kind
    unwound: bool = False
    touches_all: bool = False
    after: frozenset[EventId] = frozenset()
    cancelled_after: frozenset[EventId] = frozenset()
    cancels: tuple[str, ...] = ()
    picks: tuple[tuple[int, int], ...] = ()

    @property
    def id(self) -> EventId:
        """The same in every schedule in which the task does the same up to here."""
        return self.task, self.number

    def undisturbed(self) -> "Event":
        """What the step is where nobody has cancelled its task."""
        return replace(self, unwound=False, cancelled_after=frozenset(), cancels=(), picks=())


def conflict(one: Event, other: Event) -> bool:
    """Whether their order matters, apart from which task they belong to."""
    if one.touches_all or other.touches_all:
        return True
    if other.task in one.cancels or one.task in other.cancels:
        # A task can tell whether its cancellation came before a step of it or after.
        return True
    if one.unwound or other.unwound or one.resource != other.resource:
        return False
    return (one.kind, other.kind) not in _COMMUTE


def ordered(first: Event, second: Event) -> bool:
    """Whether ``second``, which came later, has to."""
    if first.task == second.task or conflict(first, second):
        return True
    return first.id in second.after or first.id in second.cancelled_after
