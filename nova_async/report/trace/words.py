"""What an event is called in a trace, and what is told when somebody selects it."""

from collections.abc import Mapping

from nova_async.events import Detail, Event, EventKind

VERBS = {
    EventKind.LOCK_ACQUIRED: "take {resource}",
    EventKind.LOCK_RELEASE: "release {resource}",
    EventKind.FENCE_SIGNAL: "signal {resource}",
    EventKind.JOB_SUBMIT: "submit {resource}",
    EventKind.ALLOC: "alloc {resource}",
    EventKind.VRAM_ALLOC: "{resource} alloc for {owner}",
    EventKind.VRAM_FREE: "{resource} free of {owner}",
    EventKind.VA_ALLOC: "{resource} alloc for {owner}",
    EventKind.VA_FREE: "{resource} free of {owner}",
    EventKind.SPACE_OPEN: "open {resource}",
    EventKind.SPACE_CLOSE: "close {resource}",
    EventKind.MAP: "mapped {pages} in {resource}",
    EventKind.UNMAP: "unmapped {pages} in {resource}",
    EventKind.ENTRY_WRITE: "write {resource}",
    EventKind.WINDOW_MOVE: "move {resource}",
    EventKind.TLB_INVALIDATE: "TLB invalidate {resource}",
    EventKind.MMU_FAULT: "MMU fault {resource}",
    EventKind.FAULT: "injected fault: {resource}",
    EventKind.KILLED: "kill {resource}",
}
"""Events that are drawn on the track of their task as a slice of one tick."""

SPANS = {
    EventKind.SECTION_BEGIN: "signalling section",
    EventKind.RECLAIM_BEGIN: "reclaim",
    EventKind.NOTIFIER_BEGIN: "MMU notifier",
    EventKind.FENCE_WAIT: "wait for {resource}",
    EventKind.JOB_RUN: "run {resource}",
    EventKind.JOB_CLEANUP: "clean up {resource}",
    EventKind.CALL_BEGIN: "{call} {resource}",
}
"""What lasts, by the event that begins it."""

ENDS = {
    EventKind.SECTION_END: EventKind.SECTION_BEGIN,
    EventKind.RECLAIM_END: EventKind.RECLAIM_BEGIN,
    EventKind.NOTIFIER_END: EventKind.NOTIFIER_BEGIN,
    EventKind.FENCE_WAITED: EventKind.FENCE_WAIT,
    EventKind.JOB_RAN: EventKind.JOB_RUN,
    EventKind.JOB_CLEANED: EventKind.JOB_CLEANUP,
    EventKind.CALL_END: EventKind.CALL_BEGIN,
}
"""What ends it, by what began it."""

_ADDRESSES = {"va", "pdb", "base", "page"}


def name_of(event: Event) -> str:
    """The name of a slice."""
    words = VERBS.get(event.kind) or SPANS[event.kind]
    return words.format(resource=event.resource, **event.detail)


def args_of(event: Event) -> dict[str, str | int]:
    """All that is known of an event, in a form that every viewer shows."""
    return {"at": event.at, "step": event.step, **_shown(event.detail)}


def _shown(detail: Mapping[str, Detail]) -> dict[str, str | int]:
    return {("place" if key == "at" else key): _value(key, value) for key, value in detail.items()}


def _value(key: str, value: Detail) -> str | int:
    if isinstance(value, tuple):
        return ", ".join(f"{first:#x}: {second:#x}" for first, second in value)
    if key in _ADDRESSES and isinstance(value, int):
        return f"{value:#x}"
    return value
