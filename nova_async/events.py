"""What happened in a run, in order: typed data for traces, timelines and the stepper of the HTML report.

An event is told by whoever acts (:func:`trace`, or a hook that is attached only while somebody records) and kept by a
:class:`Recorder`. Time is logical: ``at`` counts events, so two runs with one seed give the same bytes, whatever the
machine was doing. lock_stat has the real times.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

Detail = str | int | tuple[tuple[int, int], ...]
"""What an event may say besides its resource; a tuple holds (start, size) or (address, value) pairs."""


class EventKind(StrEnum):
    """What happened; behind it what ``resource`` names, and the keys of ``detail``.

    What lasts has two kinds, for its begin and its end; both are told by the same task, and name the same resource.
    """

    TASK_BEGIN = "task.begin"
    """The task did its first thing. Resource: the task."""
    TASK_END = "task.end"

    LOCK_ACQUIRE = "lock.acquire"
    """Asks for a lock and may wait. Resource: the lock (instance). ``class``; ``mode``: exclusive, read or
    recursive_read; ``how``: lock or trylock; ``at``: the place in the source."""
    LOCK_CONTENDED = "lock.contended"
    """The lock was taken, so the task goes to wait for it. ``class``; ``holder``: who has it."""
    LOCK_ACQUIRED = "lock.acquired"
    """Has got it. ``class``; ``from``: who released it to end the wait, and ``released_at``, the ``at`` of that event;
    both are left out if nobody had to."""
    LOCK_ABANDONED = "lock.abandoned"
    """Was cancelled before it got it. ``class``."""
    LOCK_RELEASE = "lock.release"
    """``class``."""

    SECTION_BEGIN = "signalling.begin"
    """A fence-signalling section. Resource: ``dma_fence``."""
    SECTION_END = "signalling.end"
    RECLAIM_BEGIN = "reclaim.begin"
    """Direct or background reclaim runs its shrinkers. Resource: ``fs_reclaim``."""
    RECLAIM_END = "reclaim.end"
    NOTIFIER_BEGIN = "notifier.begin"
    """An MMU notifier callback. Resource: ``mmu_notifier``."""
    NOTIFIER_END = "notifier.end"

    FENCE_WAIT = "fence.wait"
    """Waits for a fence. Resource: the fence."""
    FENCE_WAITED = "fence.waited"
    """The wait is over. ``outcome``: signalled, or interrupted by a cancellation."""
    FENCE_SIGNAL = "fence.signal"
    """``error``: of the work that it stood for, or empty."""

    JOB_SUBMIT = "job.submit"
    """Resource: the finished fence of the job, of this and the next four. ``queue``. A job of a hardware ring is run
    by no task, so only its submission and its cleanup are told."""
    JOB_RUN = "job.run"
    JOB_RAN = "job.ran"
    JOB_CLEANUP = "job.cleanup"
    JOB_CLEANED = "job.cleaned"

    ALLOC = "alloc"
    """The host allocates; a FAULT of kind ``alloc`` right behind it says that this failed. Resource: what is allocated.
    ``gfp``: the mask."""

    VRAM_ALLOC = "vram.alloc"
    """Resource: the device's allocator. ``owner``; ``bytes``; ``blocks``: (address, size); ``free``: bytes after it."""
    VRAM_FREE = "vram.free"
    """As VRAM_ALLOC."""
    VA_ALLOC = "va.alloc"
    """Addresses of an address space. Resource: the allocator; the rest as VRAM_ALLOC."""
    VA_FREE = "va.free"

    SPACE_OPEN = "space.open"
    """An address space. Resource: its name. ``pdb``: the address of its root directory; ``mmu``: the version
    of its tables, 2 or 3."""
    SPACE_CLOSE = "space.close"
    MAP = "map"
    """Resource: the address space. ``va``: first byte; ``pages``; ``owner``: of the frames. The frames themselves are
    in the ENTRY_WRITE events before it."""
    UNMAP = "unmap"
    """``va``; ``pages``."""
    CALL_BEGIN = "call.begin"
    """An operation on an address space, from its begin to its end. Resource: the address space. ``call``: prepare_map,
    execute_map, abort or unmap_pages."""
    CALL_END = "call.end"
    """``call``; ``outcome``: ok or failed."""
    ENTRY_WRITE = "entry.write"
    """Words of a page of tables were written. Resource: the owner of the page. ``words``: (address, 64-bit value)
    pairs, or ``cleared``: (address, bytes) runs that are zero now; ``page``: the address of the page. What firmware has
    left is told when a device is booted."""

    WINDOW_MOVE = "window.move"
    """The PRAMIN window was moved. Resource: ``pramin window``. ``base``: the address it begins at."""
    TLB_INVALIDATE = "tlb.invalidate"
    """Resource: the root directory in hex, or ``all``."""
    MMU_FAULT = "mmu.fault"
    """The MMU refused an access. Resource: the reason, such as PTE. ``va``; ``pdb``."""

    FAULT = "fault"
    """A fault was injected. Resource: its kind."""
    KILLED = "killed"
    """A client was cancelled by somebody else. Resource: the client."""
    FINDING = "finding"
    """A rule was broken. Resource: the code. ``slug``; ``severity``; ``message``."""


NOTHING: Mapping[str, Detail] = MappingProxyType({})
"""No detail."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        at: its place among all events of the run, from 1; a logical clock, and the time axis of every trace.
        step: how many scheduling points the run had passed, which is what a schedule counts.
        task: who did it, by role name.
        kind: what it was.
        resource: what it was done to; see :class:`EventKind`.
        detail: more about it, by the names that :class:`EventKind` gives.
    """

    at: int
    step: int
    task: str
    kind: EventKind
    resource: str
    detail: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """What was kept of one run.

    Attributes:
        events: in order.
        dropped: how many older ones were given up to save memory.
    """

    events: tuple[Event, ...] = ()
    dropped: int = 0


class Recorder:
    """Keeps the last events of one run.

    The last, because what went wrong is at the end.

    Args:
        limit: how many to keep; a million take some 300 MB.
    """

    LIMIT = 200_000

    def __init__(self, limit: int = LIMIT) -> None:
        self.at = 0
        self._events: deque[Event] = deque(maxlen=limit)

    def add(
        self, step: int, task: str, kind: EventKind, resource: str, detail: Mapping[str, Detail] = NOTHING
    ) -> Event:
        """Keep an event that happens now; the logical clock moves on by one."""
        self.at += 1
        event = Event(self.at, step, task, kind, resource, detail)
        self._events.append(event)
        return event

    def trace(self) -> Trace:
        """What was kept so far."""
        return Trace(tuple(self._events), self.at - len(self._events))


class Tracer(Protocol):
    """Knows which task acts, and keeps what it does."""

    def record(self, kind: EventKind, resource: str, detail: Mapping[str, Detail] = NOTHING) -> None:
        """The calling task did this."""
        ...


_tracer: ContextVar[Tracer | None] = ContextVar("nova_async.tracer", default=None)


def trace(kind: EventKind, resource: str, **detail: Detail) -> None:
    """The calling task did this; does nothing where nobody records."""
    tracer = _tracer.get()
    if tracer is not None:
        tracer.record(kind, resource, detail)


@contextmanager
def tracing_to(tracer: Tracer) -> Iterator[None]:
    """Let ``tracer`` keep what this task and all that it spawns do."""
    token = _tracer.set(tracer)
    try:
        yield
    finally:
        _tracer.reset(token)
