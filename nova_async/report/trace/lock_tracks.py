"""One track for each lock: who holds it, and a counter of those who wait for it.

Holds are never drawn on the tracks of tasks: locks taken hand over hand overlap without nesting.
"""

from dataclasses import dataclass, field

from nova_async.events import Event, EventKind
from nova_async.report.trace.picture import Count, Group, Picture, Slice, Track
from nova_async.report.trace.words import args_of


@dataclass(slots=True)
class _Lane:
    """A track of one lock, and who holds the lock there; readers who overlap need several."""

    track: Track
    holder: str = ""
    slice: Slice | None = None


@dataclass(slots=True)
class _Lock:
    lanes: list[_Lane] = field(default_factory=list)
    waiters: Track | None = None
    waiting: set[str] = field(default_factory=set)


class LockTracks:
    """Draws the tracks of locks, event by event."""

    def __init__(self, picture: Picture, group: Group) -> None:
        self._picture = picture
        self._group = group
        self._locks: dict[str, _Lock] = {}

    def add(self, event: Event) -> None:
        """Draw one event, if it is about a lock."""
        kind = event.kind
        if kind is EventKind.LOCK_CONTENDED:
            self._wait(event)
        elif kind is EventKind.LOCK_ACQUIRED:
            self._waited(event)
            self._take(event)
        elif kind is EventKind.LOCK_ABANDONED:
            self._waited(event)
        elif kind is EventKind.LOCK_RELEASE:
            self._release(event)

    def close(self, end: int) -> None:
        """Nothing comes any more: what is held is held to the end."""
        for lock in self._locks.values():
            for lane in lock.lanes:
                if lane.slice is not None:
                    lane.slice.end = end
                    lane.slice.args = {**lane.slice.args, "unfinished": 1}

    def _lock(self, name: str) -> _Lock:
        return self._locks.setdefault(name, _Lock())

    def _take(self, event: Event) -> None:
        lanes = self._lock(event.resource).lanes
        lane = next((each for each in lanes if each.slice is None), None)
        if lane is None:
            name = event.resource if not lanes else f"{event.resource} ({len(lanes) + 1})"
            lane = _Lane(self._group.track(name))
            lanes.append(lane)
        lane.holder = event.task
        lane.slice = Slice(lane.track, f"held by {event.task}", event.at, event.at, args_of(event))
        self._picture.slices.append(lane.slice)

    def _release(self, event: Event) -> None:
        held = [lane for lane in self._lock(event.resource).lanes if lane.slice is not None]
        lane = next((each for each in held if each.holder == event.task), held[0] if held else None)
        if lane is not None and lane.slice is not None:
            lane.slice.end = event.at
            lane.slice = None

    def _wait(self, event: Event) -> None:
        lock = self._lock(event.resource)
        if lock.waiters is None:
            lock.waiters = self._group.track(f"{event.resource} waiters", "count")
        lock.waiting.add(event.task)
        self._count(lock, event.at)

    def _waited(self, event: Event) -> None:
        lock = self._lock(event.resource)
        if event.task in lock.waiting:
            lock.waiting.remove(event.task)
            self._count(lock, event.at)

    def _count(self, lock: _Lock, at: int) -> None:
        if lock.waiters is not None:
            self._picture.counts.append(Count(lock.waiters, at, len(lock.waiting)))
