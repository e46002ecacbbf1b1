from collections.abc import Mapping

from nova_async.events import Detail, Event, EventKind, Recorder, Trace, trace, tracing_to


class Kept:
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[EventKind, str, Mapping[str, Detail]]] = []

    def record(self, kind: EventKind, resource: str, detail: Mapping[str, Detail] = {}) -> None:
        self.told.append((kind, resource, detail))


def test_time_counts_events_from_1() -> None:
    recorder = Recorder()
    recorder.add(0, "a", EventKind.FAULT, "alloc")
    recorder.add(7, "b", EventKind.KILLED, "a", {"x": 1})
    first, second = recorder.trace().events
    assert first == Event(1, 0, "a", EventKind.FAULT, "alloc", {})
    assert second == Event(2, 7, "b", EventKind.KILLED, "a", {"x": 1})


def test_a_full_recorder_gives_up_the_oldest_and_says_how_many() -> None:
    recorder = Recorder(limit=3)
    for step in range(5):
        recorder.add(step, "t", EventKind.FAULT, "mmio")
    kept = recorder.trace()
    assert ([event.at for event in kept.events], kept.dropped) == ([3, 4, 5], 2)
    assert recorder.at == 5


def test_a_trace_does_not_change_once_it_is_taken() -> None:
    recorder = Recorder()
    before = recorder.trace()
    recorder.add(0, "t", EventKind.FAULT, "mmio")
    assert before == Trace((), 0)


def test_nobody_is_told_outside_of_tracing_to() -> None:
    kept = Kept()
    trace(EventKind.FAULT, "before")
    with tracing_to(kept):
        trace(EventKind.FENCE_SIGNAL, "f:1", error="EIO")
    trace(EventKind.FAULT, "after")
    assert kept.told == [(EventKind.FENCE_SIGNAL, "f:1", {"error": "EIO"})]


def test_the_innermost_tracer_is_told() -> None:
    outer, inner = Kept(), Kept()
    with tracing_to(outer):
        with tracing_to(inner):
            trace(EventKind.FAULT, "mmio")
        trace(EventKind.FAULT, "tlb")
    assert ([told[1] for told in outer.told], [told[1] for told in inner.told]) == (["tlb"], ["mmio"])
