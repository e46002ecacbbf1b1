"""One track for each task: what it does as slices of one tick, what lasts as longer slices around them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nova_async.events import Event, EventKind
from nova_async.report.trace.picture import Flow, Group, Picture, Slice, Track
from nova_async.report.trace.words import ENDS, SPANS, VERBS, args_of, name_of

_LOCK_WAIT_ENDS = (EventKind.LOCK_ACQUIRED, EventKind.LOCK_ABANDONED)


@dataclass(slots=True)
class _Open:
    """A span that has begun: the kind of its begin, its resource, and its slice."""

    kind: EventKind
    resource: str
    slice: Slice


class TaskTracks:
    """Draws the tracks of tasks, event by event.

    Args:
        picture: is drawn on.
        group: takes the tracks.
        waits: those events of kind LOCK_ACQUIRE that had to wait; see :func:`waits_of`.
    """

    def __init__(self, picture: Picture, group: Group, waits: frozenset[int]) -> None:
        self._picture = picture
        self._group = group
        self._waits = waits
        self._tracks: dict[str, Track] = {}
        self._open: dict[str, list[_Open]] = {}
        self._releases: dict[int, Slice] = {}
        self._submits: dict[str, Slice] = {}
        self._signals: dict[str, Slice] = {}

    def add(self, event: Event) -> None:
        """Draw one event."""
        track = self._track(event.task)
        kind = event.kind
        if kind in ENDS:
            self._end(event, ENDS[kind])
        elif kind in _LOCK_WAIT_ENDS:
            self._end(event, EventKind.LOCK_ACQUIRE)
        if kind in SPANS:
            self._begin(event, track, name_of(event))
        elif kind is EventKind.LOCK_ACQUIRE and event.at in self._waits:
            self._begin(event, track, f"wait for {event.resource}")
        elif kind in VERBS:
            self._connect(event, self._tick(event, track, name_of(event)))
        elif kind is EventKind.FENCE_WAITED and event.resource in self._signals:
            told = self._tick(event, track, f"waited for {event.resource}")
            self._arrow("signal", self._signals[event.resource], told)

    def close(self, end: int) -> None:
        """Nothing comes any more: what is open ends here."""
        for spans in self._open.values():
            while spans:
                self._finish(spans.pop(), end, unfinished=1)

    def _track(self, task: str) -> Track:
        track = self._tracks.get(task)
        if track is None:
            track = self._tracks[task] = self._group.track(task)
            self._open[task] = []
        return track

    def _tick(self, event: Event, track: Track, name: str) -> Slice:
        drawn = Slice(track, name, event.at, event.at + 1, args_of(event))
        self._picture.slices.append(drawn)
        return drawn

    def _begin(self, event: Event, track: Track, name: str) -> None:
        drawn = Slice(track, name, event.at, event.at, args_of(event))
        self._picture.slices.append(drawn)
        self._open[event.task].append(_Open(event.kind, event.resource, drawn))

    def _end(self, event: Event, began: EventKind) -> None:
        """End a span, and with it those inside that nobody ended: a cancellation does not tell."""
        spans = self._open[event.task]
        if not any(_is(span, began, event.resource) for span in spans):
            return  # it began before what was kept
        while not _is(span := spans.pop(), began, event.resource):
            self._finish(span, event.at, unfinished=1)
        outcome = event.detail.get("outcome")
        self._finish(span, event.at, **({"outcome": str(outcome)} if outcome else {}))

    def _finish(self, span: _Open, end: int, **args: str | int) -> None:
        span.slice.end = end
        span.slice.args = {**span.slice.args, **args}

    def _connect(self, event: Event, drawn: Slice) -> None:
        """Arrows: from a release to the acquisition it unblocked, and from a submission to its signal."""
        if event.kind is EventKind.LOCK_RELEASE:
            self._releases[event.at] = drawn
        elif event.kind is EventKind.LOCK_ACQUIRED:
            released = self._releases.get(_number(event.detail.get("released_at")))
            self._arrow("unblocked", released, drawn)
        elif event.kind is EventKind.JOB_SUBMIT:
            self._submits[event.resource] = drawn
        elif event.kind is EventKind.FENCE_SIGNAL:
            self._signals[event.resource] = drawn
            self._arrow("submit", self._submits.pop(event.resource, None), drawn)

    def _arrow(self, name: str, source: Slice | None, target: Slice) -> None:
        if source is not None:
            self._picture.flows.append(Flow(name, source, target))


def waits_of(events: Iterable[Event]) -> frozenset[int]:
    """The times of those requests for a lock that had to wait: a getting at once is no span."""
    return frozenset(_waits(events))


def _waits(events: Iterable[Event]) -> Iterator[int]:
    asked: dict[tuple[str, str], int] = {}
    for event in events:
        who = event.task, event.resource
        if event.kind is EventKind.LOCK_ACQUIRE:
            asked[who] = event.at
        elif event.kind is EventKind.LOCK_CONTENDED and who in asked:
            yield asked[who]
        elif event.kind in _LOCK_WAIT_ENDS:
            began = asked.pop(who, None)
            if began is not None and ("from" in event.detail or event.kind is EventKind.LOCK_ABANDONED):
                yield began


def _is(span: _Open, kind: EventKind, resource: str) -> bool:
    return span.kind is kind and span.resource == resource


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
