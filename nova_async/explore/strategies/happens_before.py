"""The happens-before order of one execution, and its races.

An event's past is a number whose bits are the events in it: joining two pasts is one ``or``, however many tasks there
are.
"""

from collections import defaultdict
from dataclasses import dataclass

from nova_async.explore.strategies.event import Event, EventId, conflict
from nova_async.operation import Kind


@dataclass(frozen=True, slots=True)
class Race:
    """Two events next to each other in happens-before, of two tasks, which could have come the other way round.

    Attributes:
        first: the place of the earlier one.
        event: the later one, as it would be without the earlier.
        place: its place; None for an operation that was blocked to the end.
    """

    first: int
    event: Event
    place: int | None


class HappensBefore:
    """Grows event by event, and is cut back to a prefix for the next execution."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._pasts: list[int] = []
        self._places: dict[EventId, int] = {}
        self._of_task: defaultdict[str, list[int]] = defaultdict(list)
        self._of_resource: defaultdict[str, list[int]] = defaultdict(list)
        self._cancelling: list[int] = []
        self._touching_all: list[int] = []
        self._releases: defaultdict[str, list[int]] = defaultdict(list)
        self._released: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self.events)

    def cut(self, length: int) -> None:
        """Forget all events from ``length`` on."""
        while len(self.events) > length:
            event = self.events.pop()
            self._pasts.pop()
            del self._places[event.id]
            self._of_task[event.task].pop()
            if not event.unwound:
                self._of_resource[event.resource].pop()
        for places in (self._cancelling, self._touching_all):
            while places and places[-1] >= length:
                places.pop()
        while self._released and self._released[-1][0] >= length:
            self._releases[self._released.pop()[1]].pop()

    def add(self, event: Event) -> list[Race]:
        """Append an event; the races in which it is the later one."""
        place = len(self.events)
        past, races = self._look_back(event, place)
        if event.unwound and event.kind is Kind.ACQUIRE:
            # It was blocked until it was cancelled, and might have come before whoever it was blocked by.
            races += self.races_of_blocked(event.undisturbed())
        self.events.append(event)
        self._pasts.append(past | 1 << place)
        self._places[event.id] = place
        self._of_task[event.task].append(place)
        if not event.unwound:
            self._of_resource[event.resource].append(place)
        if event.cancels:
            self._cancelling.append(place)
        if event.touches_all:
            self._touching_all.append(place)
        return races

    def release(self, resource: str, *, after_all: bool = False) -> None:
        """The last event let this lock go; or something that comes after all events so far."""
        past = 0
        for before in self._pasts if after_all else self._pasts[-1:]:
            past |= before
        self._releases[resource].append(past)
        self._released.append((len(self.events) - 1, resource))

    def races_of_blocked(self, event: Event) -> list[Race]:
        """The races of an operation that was blocked to the end (JACM 2017, section 9 on disabled processes).

        Without them a deadlock hides the orders in which its last acquires come first.
        """
        return self._look_back(event, None)[1]

    def not_after(self, place: int) -> list[Event]:
        """The events later than the one at ``place`` that do not happen after it: notdep(e, E) of the paper."""
        pasts = self._pasts
        return [
            event for later, event in enumerate(self.events[place + 1 :], place + 1) if not pasts[later] >> place & 1
        ]

    def _look_back(self, event: Event, place: int | None) -> tuple[int, list[Race]]:
        pasts = self._pasts
        fixed = self._program_order(event)
        candidates = self._candidates(event)
        released = self._let_go(event)
        past = fixed
        for candidate in candidates:
            past |= pasts[candidate]
        races = []
        for candidate in candidates:
            # Next to each other: no third event lies between (JACM 2017, definition 3.3). What a lock's holder did
            # under it does lie between two acquires, and does not count: none of that can come after the second one.
            between = fixed
            if not self._both_acquire(candidate, event):
                for other in candidates:
                    if other != candidate:
                        between |= pasts[other]
            if not between >> candidate & 1:
                races.append(Race(candidate, event, place))
        return past | released, races

    def _both_acquire(self, place: int, event: Event) -> bool:
        earlier = self.events[place]
        return earlier.kind is event.kind is Kind.ACQUIRE and earlier.resource == event.resource

    def _program_order(self, event: Event) -> int:
        """The past that nothing can change: its own task's, and that of what made it possible."""
        past = 0
        mine = self._of_task.get(event.task)
        if mine:
            past = self._pasts[mine[-1]]
        for needed in (*event.after, *event.cancelled_after):
            if needed in self._places:
                past |= self._pasts[self._places[needed]]
        return past

    def _candidates(self, event: Event) -> list[int]:
        """Of every kind of conflict, the last events that may be next to this one."""
        found: dict[int, None] = {}
        if not event.unwound:
            found.update(dict.fromkeys(self._last_conflicts(event)))
        if event.touches_all:
            found.update((places[-1], None) for task, places in self._of_task.items() if places and task != event.task)
            return list(found)
        for victim in event.cancels:
            if victim != event.task and self._of_task.get(victim):
                found[self._of_task[victim][-1]] = None
        for place in (*self._cancelling[-1:], *self._touching_all[-1:]):
            if self.events[place].task != event.task and conflict(self.events[place], event):
                found[place] = None
        return list(found)

    def _last_conflicts(self, event: Event) -> list[int]:
        """Back to the last access that excludes all others; what is before that one is in its past."""
        last = []
        for place in reversed(self._of_resource.get(event.resource, ())):
            earlier = self.events[place]
            if conflict(earlier, event):
                if earlier.task != event.task:
                    last.append(place)
                if earlier.kind in (Kind.WRITE, Kind.ACQUIRE, Kind.SIGNAL):
                    break
        return last

    def _let_go(self, event: Event) -> int:
        """An acquire comes after the step that let the lock go, though it does not race with that."""
        if event.kind is not Kind.ACQUIRE or event.unwound:
            return 0
        pasts = self._releases.get(event.resource)
        return pasts[-1] if pasts else 0

    def signalled_once(self, resource: str) -> Event | None:
        """The only signal of a resource so far; None if there were none or several."""
        signals = [place for place in self._of_resource.get(resource, ()) if self.events[place].kind is Kind.SIGNAL]
        return self.events[signals[0]] if len(signals) == 1 else None

    def signalled(self, resource: str) -> bool:
        """Whether the resource was signalled at all."""
        return any(self.events[place].kind is Kind.SIGNAL for place in self._of_resource.get(resource, ()))

    def steps_of(self, task: str) -> int:
        """How many steps a task has taken."""
        return len(self._of_task.get(task, ()))

    def last_of_each(self, length: int) -> frozenset[EventId]:
        """The last event of every task among the first ``length``."""
        return frozenset({event.task: event.id for event in self.events[:length]}.values())
