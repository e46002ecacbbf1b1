"""A picture as Perfetto's protobuf, for ui.perfetto.dev and trace_processor.

Unlike JSON it names and orders any track, nests them, and gives counters a unit. A tick is 1000 ns.
"""

import importlib
from collections.abc import Iterator
from typing import Any

from nova_async.errors import UsageError
from nova_async.report.trace.picture import Args, Count, Flow, Group, Instant, Picture, Slice, Track

TICK_NS = 1000
_SEQUENCE = 1

_END, _BEGIN = 0, 1


def require() -> Any:
    """The generated protobuf classes; they have no types.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        return importlib.import_module("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    except ImportError:
        raise UsageError(
            "Perfetto's protobuf needs the extra 'perfetto': pip install 'nova-async[perfetto]'; "
            "a name that ends in .json gives Chrome JSON, which needs nothing"
        ) from None


def perfetto_trace(picture: Picture) -> bytes:
    """The whole file.

    Raises:
        UsageError: the extra is not installed.
    """
    pb = require()
    return _Writer(pb).write(picture)


class _Writer:
    def __init__(self, pb: Any) -> None:
        self._pb = pb
        self._trace = pb.Trace()
        self._uuids: dict[Track, int] = {}
        self._next = 1

    def write(self, picture: Picture) -> bytes:
        for rank, group in enumerate(picture.groups):
            self._group(group, rank, picture)
        sources, targets = _ends(picture.flows)
        for at, what, part in _in_time(picture):
            if isinstance(what, Slice):
                self._slice(what, at, part, sources, targets)
            elif isinstance(what, Instant):
                self._event(what.track, at, self._pb.TrackEvent.TYPE_INSTANT, what.name, what.args)
            else:
                packet = self._event(what.track, at, self._pb.TrackEvent.TYPE_COUNTER)
                packet.track_event.counter_value = what.value
        result: bytes = self._trace.SerializeToString(deterministic=True)
        return result

    def _group(self, group: Group, rank: int, picture: Picture) -> None:
        """A parent track for the group; the first one says what was run."""
        parent = self._descriptor(group.name, rank)
        if not rank:
            parent.description = "\n".join(f"{key}: {value}" for key, value in picture.about.items())
        for number, track in enumerate(group.tracks):
            descriptor = self._descriptor(track.name, number, parent.uuid)
            self._uuids[track] = descriptor.uuid
            if track.unit:
                counter = self._pb.CounterDescriptor
                unit = counter.UNIT_SIZE_BYTES if track.unit == "bytes" else counter.UNIT_COUNT
                descriptor.counter.unit = unit

    def _descriptor(self, name: str, rank: int, parent: int = 0) -> Any:
        packet = self._packet()
        descriptor = packet.track_descriptor
        descriptor.uuid = self._next
        self._next += 1
        descriptor.name = name
        if parent:
            descriptor.parent_uuid = parent
        descriptor.child_ordering = self._pb.TrackDescriptor.EXPLICIT
        descriptor.sibling_order_rank = rank
        # The viewer would draw tracks of one name as one.
        descriptor.sibling_merge_behavior = self._pb.TrackDescriptor.SIBLING_MERGE_BEHAVIOR_NONE
        return descriptor

    def _packet(self) -> Any:
        first = not self._trace.packet
        packet = self._trace.packet.add()
        packet.trusted_packet_sequence_id = _SEQUENCE
        if first:
            packet.sequence_flags = self._pb.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        return packet

    def _event(self, track: Track, at: int, kind: int, name: str = "", args: Args | None = None) -> Any:
        packet = self._packet()
        packet.timestamp = at * TICK_NS
        event = packet.track_event
        event.type = kind
        event.track_uuid = self._uuids[track]
        if name:
            event.name = name
        for key, value in (args or {}).items():
            self._annotate(event, key, value)
        return packet

    def _annotate(self, event: Any, key: str, value: str | int) -> None:
        annotation = event.debug_annotations.add()
        annotation.name = key
        if isinstance(value, int):
            annotation.int_value = value
        else:
            annotation.string_value = value

    def _slice(self, drawn: Slice, at: int, part: int, sources: "_Numbers", targets: "_Numbers") -> None:
        if part == _END:
            self._event(drawn.track, at, self._pb.TrackEvent.TYPE_SLICE_END)
            return
        packet = self._event(drawn.track, at, self._pb.TrackEvent.TYPE_SLICE_BEGIN, drawn.name, drawn.args)
        packet.track_event.flow_ids.extend(sources.get(drawn, ()))
        packet.track_event.terminating_flow_ids.extend(targets.get(drawn, ()))


_Numbers = dict[Slice, list[int]]


def _ends(flows: list[Flow]) -> tuple[_Numbers, _Numbers]:
    """The numbers of the flows that leave each slice, and of those that arrive."""
    sources: _Numbers = {}
    targets: _Numbers = {}
    for number, flow in enumerate(flows, start=1):
        sources.setdefault(flow.source, []).append(number)
        targets.setdefault(flow.target, []).append(number)
    return sources, targets


def _in_time(picture: Picture) -> Iterator[tuple[int, Slice | Instant | Count, int]]:
    """Everything in order of time. At one time: ends, inner slices first, then begins, outer ones first."""
    marks: list[tuple[tuple[int, int, int], Slice | Instant | Count]] = []
    for drawn in picture.slices:
        marks.append(((drawn.start, _BEGIN, -drawn.end), drawn))
        marks.append(((drawn.end, _END, -drawn.start), drawn))
    marks += [((instant.at, _BEGIN, 0), instant) for instant in picture.instants]
    marks += [((count.at, _BEGIN, 0), count) for count in picture.counts]
    for (at, part, _), what in sorted(marks, key=lambda mark: mark[0]):
        yield at, what, part
