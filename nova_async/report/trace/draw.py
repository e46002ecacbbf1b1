"""The events of runs as one picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nova_async.events import Event, EventKind, Trace
from nova_async.report.trace.lock_tracks import LockTracks
from nova_async.report.trace.picture import Count, Group, Instant, Picture, Track
from nova_async.report.trace.task_tracks import TaskTracks, waits_of
from nova_async.report.trace.words import args_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run.

    Attributes:
        name: of the scenario.
        about: how it was run: backend, seed and the like.
        trace: what happened.
    """

    name: str
    about: Mapping[str, str]
    trace: Trace


def draw(runs: Iterable[Recorded]) -> Picture:
    """All runs side by side, each from tick 1 on; the names of several tell their tracks apart."""
    runs = list(runs)
    picture = Picture()
    for run in runs:
        prefix = f"{run.name}: " if len(runs) > 1 else ""
        picture.about |= {prefix + key: value for key, value in _about(run).items()}
        _draw_run(picture, run.trace.events, prefix)
    return picture


def _about(run: Recorded) -> dict[str, str]:
    dropped = {"dropped": f"{run.trace.dropped} older events"} if run.trace.dropped else {}
    return {"scenario": run.name, **run.about, **dropped}


def _draw_run(picture: Picture, events: tuple[Event, ...], prefix: str) -> None:
    findings, tasks, locks, memory = (picture.group(prefix + name) for name in ("findings", "tasks", "locks", "memory"))
    task_tracks = TaskTracks(picture, tasks, waits_of(events))
    lock_tracks = LockTracks(picture, locks)
    counters = _Counters(picture, memory)
    rules = findings.track("findings")
    for event in events:
        task_tracks.add(event)
        lock_tracks.add(event)
        counters.add(event)
        if event.kind is EventKind.FINDING:
            args = {**args_of(event), "task": event.task}
            picture.instants.append(Instant(rules, f"{event.resource} {event.detail.get('slug', '')}", event.at, args))
    end = events[-1].at + 1 if events else 1
    task_tracks.close(end)
    lock_tracks.close(end)
    picture.groups = [group for group in picture.groups if group.tracks]


class _Counters:
    """How much VRAM is free, by allocator."""

    def __init__(self, picture: Picture, group: Group) -> None:
        self._picture = picture
        self._group = group
        self._tracks: dict[str, Track] = {}

    def add(self, event: Event) -> None:
        """Draw one event, if it is about VRAM."""
        free = event.detail.get("free")
        if event.kind not in (EventKind.VRAM_ALLOC, EventKind.VRAM_FREE) or not isinstance(free, int):
            return
        track = self._tracks.get(event.resource)
        if track is None:
            track = self._tracks[event.resource] = self._group.track(f"free {event.resource}", "bytes")
        self._picture.counts.append(Count(track, event.at, free))
