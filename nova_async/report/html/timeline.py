"""The schedule as tracks: the steps of each task, who held each lock from when to when, and who waited.

A step is an event of the trace. The asking for a lock that is free is folded into the getting of it, so that a step
is something a reader would say.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from nova_async.events import Detail, Event, EventKind, Trace
from nova_async.findings import Finding

Entry = dict[str, object]

LIMIT = 5_000
"""How many steps a page shows, the last ones; what was before them is in the traces."""

OTHER = ("·", "other")
LOOKS: dict[EventKind, tuple[str, str, str]] = {
    EventKind.TASK_BEGIN: ("▸", "task", "begins"),
    EventKind.TASK_END: ("■", "task", "ends"),
    EventKind.LOCK_ACQUIRE: ("a", "wait", "asks for"),
    EventKind.LOCK_CONTENDED: ("?", "wait", "waits for"),
    EventKind.LOCK_ACQUIRED: ("A", "lock", "takes"),
    EventKind.LOCK_ABANDONED: ("x", "wait", "gives up on"),
    EventKind.LOCK_RELEASE: ("R", "lock", "releases"),
    EventKind.SECTION_BEGIN: ("{", "signal", "enters the signalling section of"),
    EventKind.SECTION_END: ("}", "signal", "leaves the signalling section of"),
    EventKind.RECLAIM_BEGIN: ("{", "memory", "begins to reclaim:"),
    EventKind.RECLAIM_END: ("}", "memory", "is done reclaiming:"),
    EventKind.NOTIFIER_BEGIN: ("{", "memory", "enters"),
    EventKind.NOTIFIER_END: ("}", "memory", "leaves"),
    EventKind.FENCE_WAIT: ("W", "wait", "waits for fence"),
    EventKind.FENCE_WAITED: ("w", "wait", "has waited for fence"),
    EventKind.FENCE_SIGNAL: ("S", "signal", "signals"),
    EventKind.JOB_SUBMIT: ("J", "task", "submits"),
    EventKind.JOB_RUN: ("{", "task", "runs"),
    EventKind.JOB_RAN: ("}", "task", "ran"),
    EventKind.JOB_CLEANUP: ("{", "task", "cleans up"),
    EventKind.JOB_CLEANED: ("}", "task", "cleaned up"),
    EventKind.ALLOC: ("+", "memory", "allocates"),
    EventKind.VRAM_ALLOC: ("+", "memory", "gets VRAM from"),
    EventKind.VRAM_FREE: ("-", "memory", "gives VRAM back to"),
    EventKind.VA_ALLOC: ("+", "memory", "gets addresses from"),
    EventKind.VA_FREE: ("-", "memory", "gives addresses back to"),
    EventKind.SPACE_OPEN: ("O", "memory", "opens address space"),
    EventKind.SPACE_CLOSE: ("X", "memory", "closes address space"),
    EventKind.MAP: ("M", "memory", "maps in"),
    EventKind.UNMAP: ("U", "memory", "unmaps in"),
    EventKind.CALL_BEGIN: ("(", "task", "begins a call on"),
    EventKind.CALL_END: (")", "task", "ends a call on"),
    EventKind.ENTRY_WRITE: ("P", "table", "writes page-table entries of"),
    EventKind.WINDOW_MOVE: ("↔", "table", "moves"),
    EventKind.TLB_INVALIDATE: ("F", "table", "flushes the TLB:"),
    EventKind.MMU_FAULT: ("!", "finding", "faults:"),
    EventKind.FAULT: ("!", "finding", "meets an injected fault:"),
    EventKind.KILLED: ("!", "finding", "is killed:"),
    EventKind.FINDING: ("!", "finding", "breaks rule"),
}
"""How a kind is drawn: a letter, so that it reads without colour; the group that colours it; and the verb."""

_HOLDS = {
    EventKind.LOCK_ACQUIRED: (EventKind.LOCK_RELEASE,),
    EventKind.SECTION_BEGIN: (EventKind.SECTION_END,),
    EventKind.RECLAIM_BEGIN: (EventKind.RECLAIM_END,),
    EventKind.NOTIFIER_BEGIN: (EventKind.NOTIFIER_END,),
}
"""What a task has, with what ends it: a lock, or the context it is in. Each has a track."""
_CONTEXTS = frozenset(_HOLDS) - {EventKind.LOCK_ACQUIRED}
_WAITS = {
    EventKind.LOCK_CONTENDED: (EventKind.LOCK_ACQUIRED, EventKind.LOCK_ABANDONED),
    EventKind.FENCE_WAIT: (EventKind.FENCE_WAITED,),
}
_WORK = {
    EventKind.CALL_BEGIN: (EventKind.CALL_END,),
    EventKind.JOB_RUN: (EventKind.JOB_RAN,),
    EventKind.JOB_CLEANUP: (EventKind.JOB_CLEANED,),
}
"""What a task is in the middle of; drawn on its own track, as its waits are."""

_UNTOLD = frozenset({"class", "released_at", "blocks", "words", "cleared", "slug", "mode", "how", "mmu"})
_IN_HEX = frozenset({"va", "pdb", "base", "page"})


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a page.

    Attributes:
        shown: the events that are steps, in order.
        before: those before the first step shown, which the page needs for what was so by then.
        left_out: how many steps came before them, or were dropped by the recorder.
    """

    shown: tuple[Event, ...]
    before: tuple[Event, ...]
    left_out: int

    @classmethod
    def of(cls, trace: Trace, limit: int = LIMIT) -> "Steps":
        """The last ``limit`` steps of a trace."""
        steps = tuple(folded(trace.events))
        cut = max(len(steps) - limit, 0)
        return cls(steps[cut:], steps[:cut], cut + trace.dropped)

    def numbered(self) -> Iterator[tuple[int, Event]]:
        """Every event with its place on the page; -1 for all that came before."""
        for event in self.before:
            yield -1, event
        yield from enumerate(self.shown)


def folded(events: Sequence[Event]) -> Iterator[Event]:
    """The events without the asking for a lock that was got at once; the getting then says where it was asked for."""
    asked: Event | None = None
    for event, following in zip_longest(events, events[1:]):
        if following is not None and event.kind is EventKind.LOCK_ACQUIRE and _is_got(event, following):
            asked = event
            continue
        yield event if asked is None else replace(event, detail={**asked.detail, **event.detail})
        asked = None


def _is_got(asked: Event, following: Event) -> bool:
    same = (following.task, following.resource) == (asked.task, asked.resource)
    return same and following.kind is EventKind.LOCK_ACQUIRED


def timeline_entry(steps: Steps) -> Entry:
    """Tracks, steps and spans; names are told once and numbered."""
    tasks = _Names(event.task for event in steps.shown)
    kinds = _Names(event.kind for event in steps.shown)
    holds, waits, work = (spans(steps, ends) for ends in (_HOLDS, _WAITS, _WORK))
    locks = _Names(span.what for span in holds)
    contexts = {event.resource for event in steps.shown if event.kind in _CONTEXTS}
    return {
        "tasks": tasks.names,
        "locks": [[name, "context" if name in contexts else "lock"] for name in locks.names],
        "kinds": [[kind, *LOOKS.get(EventKind(kind), (*OTHER, kind))] for kind in kinds.names],
        "events": [
            [event.step, tasks.number[event.task], kinds.number[event.kind], event.resource, detail_text(event)]
            for event in steps.shown
        ],
        "holds": [[locks.number[hold.what], hold.task, hold.start, hold.end] for hold in holds],
        "waits": [[wait.what, wait.task, wait.start, wait.end] for wait in waits],
        "work": [[part.what, part.task, part.start, part.end] for part in work],
        "left_out": steps.left_out,
    }


class _Names:
    """Names in order of appearance, numbered from 0."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(names))
        self.number = {name: number for number, name in enumerate(self.names)}


@dataclass(slots=True)
class Span:
    """Something that ``task`` has, or waits for, from one step until before another; None: to the end."""

    what: str
    task: str
    start: int
    end: int | None = None


def spans(steps: Steps, ends: Mapping[EventKind, tuple[EventKind, ...]]) -> list[Span]:
    """What lasts, in the order of its begin, as far as it reaches into the steps shown.

    Args:
        steps: of the page.
        ends: by the kind that begins a span, those that end it.
    """
    found: list[Span] = []
    begun: dict[tuple[EventKind, str], list[Span]] = {}
    begins = {end: kind for kind, all_ends in ends.items() for end in all_ends}
    for index, event in steps.numbered():
        if event.kind in begins:
            span = _taken_out(begun.get((begins[event.kind], event.resource), []), event.task)
            if span is not None:
                span.end = index
        if event.kind in ends:
            span = Span(_named(event), event.task, max(index, 0))
            begun.setdefault((event.kind, event.resource), []).append(span)
            found.append(span)
    return [span for span in found if span.end is None or span.end >= 0]


def _taken_out(begun: list[Span], task: str) -> Span | None:
    """The latest of the task's own, else the latest of all: a lock may be released by somebody else."""
    for place in reversed(range(len(begun))):
        if begun[place].task == task:
            return begun.pop(place)
    return begun.pop() if begun else None


def _named(event: Event) -> str:
    """A call is named with its address space, all else by its resource."""
    return f"{event.detail['call']} {event.resource}" if "call" in event.detail else event.resource


def detail_text(event: Event) -> str:
    """What an event says besides its resource, in words."""
    if event.kind is EventKind.FINDING:
        return str(event.detail.get("message", ""))
    said = [f"{name} {_said(name, value)}" for name, value in event.detail.items() if name not in _UNTOLD]
    words = event.detail.get("words")
    return ", ".join([*said, f"{len(words)} words"] if isinstance(words, tuple) else said)


def _said(name: str, value: Detail) -> str:
    return f"{value:#x}" if isinstance(value, int) and name in _IN_HEX else str(value)


def step_of(finding: Finding, steps: Steps) -> int | None:
    """The step at which a finding was made, if it is on the page."""
    for index, event in enumerate(steps.shown):
        if event.kind is EventKind.FINDING and (event.resource, event.detail.get("message")) == (
            finding.code,
            finding.message,
        ):
            return index
    return None
