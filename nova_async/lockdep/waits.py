"""Waits and events: whoever holds a lock while waiting for an event, and whoever must take that lock to signal it.

The idea is that of DEPT (lockdep.md 5.3): every primitive is a wait and an event, and what leads to the event gates it.
There the context of an event is a guess; here the task that signals is known, and with it every lock it took before.

Cross-release, the kernel's attempt at the same, was removed for its false alarms (lockdep.md 5.2). Hence a finding
needs all of this, from one run:

- a task waited for an event without a deadline, got it, and held a lock all the while;
- whoever signalled had blocked on that lock before (since it last signalled the event), or on one that comes before
  it in the graph of locks; and so had every other task that ever signalled the event;
- the waiter could have had its lock first: nothing it had heard from others by then, by an event, a queue or its own
  start, came after the signaller's acquisition; and no lock around both kept it out.

Then another order of the same steps ends with both waiting: *possible*, as a cycle of lock orders is. Who else
signals an event is known when all is over, so these findings come from :meth:`Waits.settle`.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nova_async.lockdep.classes import Declaration, LockClass, LockMap, Mode, Role, WaitType
from nova_async.lockdep.contexts import EVENT_PATH, PLAIN
from nova_async.lockdep.events import EventMap, Line, Signal, Signaller
from nova_async.lockdep.graph import EN, Cycle, Edge, EdgeWitness, Graph, Link, kind_of
from nova_async.lockdep.held import Entry
from nova_async.lockdep.places import Where

if TYPE_CHECKING:
    from nova_async.lockdep.validator import Validator

HISTORY = 64
"""How many locks a task is known to have taken, the latest. (DEPT keeps a ring of its latest waits, too.)"""

SIGNALLERS = 16
"""An event that more tasks than this signal has somebody who can always do it, for all that is known here."""

SUSPECTS = 4
"""How many are kept of one kind until all is over; one that stands is enough."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A wait under a lock for somebody who had taken a lock.

    Attributes:
        entries: what the waiter held.
        held: the one of them that matters.
        gate: what the signaller had taken.
    """

    event: EventMap
    task: Hashable
    line: Line
    where: Where
    entries: tuple[Entry, ...]
    held: Entry
    signal: Signal
    gate: Entry

    def stands(self) -> bool:
        """Whether everybody who signals the event has to take the lock first, and may come too late for it."""
        signallers = self.event.signallers
        if signallers is None or self.line in signallers:
            return False
        return all(self._blocks(signal) for signal in (self.signal, *self.event.others_than(self.signal)))

    def _blocks(self, signal: Signal) -> bool:
        gate = signal.gates.get(self.gate.lock)
        return gate is not None and self._first(self.held, gate, signal.line) and not self._kept_out(signal, gate)

    def _first(self, held: Entry, gate: Entry, signaller: Line) -> bool:
        """Whether the waiter could have had ``held`` before the signaller got ``gate``, for all that it had heard."""
        return held.heard < gate.stamp and not self.line.descends_from(signaller, gate.stamp)

    def _kept_out(self, signal: Signal, gate: Entry) -> bool:
        """Whether a lock that the signaller held throughout made the waiter come after the signal."""
        around = {entry.lock: entry for entry in signal.held if entry.stamp < gate.stamp}
        return any(
            entry.lock in around and not self._first(entry, around[entry.lock], signal.line)
            for entry in self.entries
            if entry.stamp < self.held.stamp
        )

    @property
    def blocks_at_once(self) -> bool:
        """Whether it is one lock, taken by both so that one waits for the other."""
        return self.gate.lock is self.held.lock and not (
            self.gate.mode is Mode.RECURSIVE_READ and self.held.mode is not Mode.EXCLUSIVE
        )

    def cycle(self, graph: Graph) -> Cycle | None:
        """The circle it closes; None if there is none."""
        held, event, gate = self.held.cls, self.event.cls, self.gate.cls
        back: Cycle | None = ()
        if not self.blocks_at_once:
            if gate is held:
                return None
            back = graph.way(Link(Edge(held, gate, PLAIN), kind_of(self.held.mode, self.gate.mode)))
        if back is None:
            return None
        waits = event_link(held, event, EdgeWitness(self.line.name, self.held.where, self.where))
        gated = event_link(event, gate, EdgeWitness(self.signal.line.name, self.signal.where, self.gate.where))
        return (waits, gated, *back)


def event_link(held: LockClass, taken: LockClass, witness: EdgeWitness) -> Link:
    """A step of a cycle that goes to an event or comes from one."""
    edge = Edge(held, taken, EVENT_PATH)
    edge.kinds, edge.witnesses[EN] = EN, witness
    return Link(edge, EN)


class Waits:
    """Who took what before it signalled what.

    Args:
        graph: the order of locks.
        name: the role name of a task.
        capture: the place of the caller.
        newcomer: called with each task when it is first seen; may tell its parent.
    """

    def __init__(
        self,
        graph: Graph,
        name: Callable[[Hashable], str],
        capture: Callable[[], Where],
        newcomer: Callable[[Hashable, Line], None] | None = None,
    ) -> None:
        self._graph = graph
        self._name = name
        self._capture = capture
        self._newcomer = newcomer
        self._clock = 0
        self._lines: dict[Hashable, Line] = {}
        self._classes: dict[str, LockClass] = {}
        self._suspects: dict[tuple[str, int, int], list[Suspect]] = {}

    def event(self, task: Hashable, name: str, *, once: bool, old: bool) -> EventMap:
        """An event of class ``name``, new or known to everybody."""
        cls = self._classes.get(name)
        if cls is None:
            cls = self._classes[name] = LockClass(-1, name, Declaration(WaitType.NONE), Role.EVENT)
        creator = self.line(task)
        self._clock += 1
        return EventMap(cls, once=once, creator=creator, born=0 if old else self._clock)

    def line(self, task: Hashable) -> Line:
        """The history of a task, begun now if it is new."""
        line = self._lines.get(task)
        if line is None:
            self._clock += 1
            line = self._lines[task] = Line(self._name(task), self._clock)
            if self._newcomer is not None:
                self._newcomer(task, line)
        return line

    def ended(self, task: Hashable) -> None:
        """The task is over; what it took is remembered only where it is evidence already."""
        line = self._lines.pop(task, None)
        if line is not None:
            line.took = {}

    def took(self, task: Hashable, entry: Entry) -> None:
        """A task goes for a lock."""
        line = self._lines.get(task) or self.line(task)
        if entry.cls.role is not Role.LOCK or not entry.cls.check:
            return
        self._clock += 1
        entry.stamp = self._clock
        entry.heard = line.heard
        entry.ends = False
        took = line.took
        took.pop(entry.lock, None)
        took[entry.lock] = entry
        if len(took) > HISTORY:
            del took[next(iter(took))]

    def gave_up(self, task: Hashable, lock: LockMap) -> None:
        """A task did without a lock it had asked for."""
        line = self._lines.get(task)
        if line is not None:
            line.took.pop(lock, None)

    def heard(self, task: Hashable) -> None:
        """A task learned of what others did."""
        line = self.line(task)
        self._clock += 1
        line.heard = self._clock

    def signal(self, task: Hashable, event: EventMap, held: list[Entry]) -> Signal | None:
        """The event occurs, by a task that holds ``held``; None if too many do that for anything to follow."""
        line = self.line(task)
        self._clock += 1
        signallers = event.signallers
        if signallers is None:
            return None
        known = signallers.get(line)
        gates = line.gates(known.latest if known is not None else 0)
        made = Signal(line, gates, line.known(held), self._capture()) if gates else Signal(line, gates, (), ())
        if known is not None:
            known.latest = self._clock
        elif len(signallers) < SIGNALLERS:
            signallers[line] = Signaller(made, self._clock)
        else:
            event.signallers = event.latest = None
            return None
        if event.latest is None or not event.once:
            event.latest = made
        return made

    def woken(self, task: Hashable, event: EventMap, signal: Signal | None, where: Where, held: list[Entry]) -> None:
        """A wait without a deadline is over, for ``signal``; the task held all of ``held`` from its begin."""
        line = self.line(task)
        self.heard(task)
        if signal is None or signal.line is line:
            return
        known = line.known(held)
        for entry in known:
            for gate in signal.gates.values():
                if _published(event, gate, line):
                    self._keep(Suspect(event, task, line, where, known, entry, signal, gate))

    def _keep(self, suspect: Suspect) -> None:
        key = (suspect.event.cls.name, suspect.held.cls.index, suspect.gate.cls.index)
        alike = self._suspects.setdefault(key, [])
        if len(alike) < SUSPECTS and suspect.stands():
            alike.append(suspect)

    def settle(self) -> Iterator[tuple[Suspect, Cycle]]:
        """What stands of the evidence so far, one of each kind."""
        for alike in self._suspects.values():
            for suspect in alike:
                cycle = suspect.cycle(self._graph) if suspect.stands() else None
                if cycle is not None:
                    yield suspect, cycle
                    break


def _published(event: EventMap, gate: Entry, waiter: Line) -> bool:
    """Whether the waiter could have known of the event before the gate was passed."""
    return event.born < gate.stamp or event.creator is waiter


class Waiting:
    """A wait for an event, for the body of a ``with``; it counts if the body ends without an exception.

    Args:
        event: what is waited for.
        ends: whether a deadline ends it if nothing else does.
    """

    __slots__ = ("_ends", "_event", "_held", "_validator", "_where", "signal")

    def __init__(self, validator: "Validator", event: EventMap, *, ends: bool) -> None:
        self._validator = validator
        self._event = event
        self._ends = ends
        self._held: list[Entry] = []
        self._where: Where = ()
        self.signal: Signal | None = None

    def __enter__(self) -> Self:
        self._held, self._where = self._validator.at_wait(self._event.cls.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            held = [] if self._ends else self._held
            self._validator.woken(self._event, self.signal or self._event.latest, self._where, held)
