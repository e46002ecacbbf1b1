"""The two file formats."""

import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from nova_async.errors import UsageError
from nova_async.events import Trace
from nova_async.report.trace import Recorded, chrome_trace, draw, perfetto_trace
from nova_async.report.trace.picture import Picture

FIELDS = {
    "M": {"name", "pid", "tid", "args"},
    "X": {"name", "pid", "tid", "ts", "dur", "args"},
    "i": {"name", "pid", "tid", "ts", "s", "args"},
    "C": {"name", "pid", "ts", "args"},
    "s": {"name", "cat", "id", "pid", "tid", "ts"},
    "f": {"name", "cat", "id", "pid", "tid", "ts", "bp"},
}
"""What the trace-event format wants of each phase that is used here."""


def parsed(data: bytes) -> Any:
    return importlib.import_module("perfetto.protos.perfetto.trace.perfetto_trace_pb2").Trace.FromString(data)


@pytest.fixture
def small(trace: Trace) -> Picture:
    return draw([Recorded("race", {"seed": "7"}, trace)])


def test_chrome_json_is_as_written_down(small: Picture, expect_golden: Callable[[str, str], None]) -> None:
    expect_golden("trace.json", chrome_trace(small))


def test_perfetto_is_as_written_down(small: Picture, expect_golden: Callable[[str, str], None]) -> None:
    text_format = importlib.import_module("google.protobuf.text_format")
    expect_golden("perfetto.txt", text_format.MessageToString(parsed(perfetto_trace(small))))


def test_every_chrome_event_has_the_fields_of_its_phase(picture: Picture) -> None:
    events = json.loads(chrome_trace(picture))["traceEvents"]
    assert {event["ph"] for event in events} >= {"M", "X", "C", "s", "f"}
    for event in events:
        assert set(event) == FIELDS[event["ph"]] | {"ph"}
        assert all(
            isinstance(event[key], int) and event[key] >= 0 for key in ("ts", "dur", "pid", "tid") if key in event
        )


def test_every_chrome_flow_starts_once_and_ends_once_in_a_slice(picture: Picture) -> None:
    events = json.loads(chrome_trace(picture))["traceEvents"]
    starts = {(event["pid"], event["tid"], event["ts"]) for event in events if event["ph"] == "X"}
    flows = [event for event in events if event["ph"] in "sf"]
    assert all((event["pid"], event["tid"], event["ts"]) in starts for event in flows)
    assert Counter(event["id"] for event in flows if event["ph"] == "s") == Counter(
        event["id"] for event in flows if event["ph"] == "f"
    )


def test_perfetto_slices_begin_and_end_in_time_on_tracks_that_were_described(picture: Picture) -> None:
    packets = parsed(perfetto_trace(picture)).packet
    described = {packet.track_descriptor.uuid for packet in packets if packet.HasField("track_descriptor")}
    depth: Counter[int] = Counter()
    last = 0
    for packet in packets:
        if not packet.HasField("track_event"):
            continue
        assert packet.track_event.track_uuid in described
        assert packet.timestamp >= last
        last = packet.timestamp
        depth[packet.track_event.track_uuid] += {1: 1, 2: -1}.get(packet.track_event.type, 0)
        assert depth[packet.track_event.track_uuid] >= 0
    assert not +depth


def test_both_files_have_the_same_slices_flows_and_counts(picture: Picture) -> None:
    phases = Counter(event["ph"] for event in json.loads(chrome_trace(picture))["traceEvents"])
    events = [packet.track_event for packet in parsed(perfetto_trace(picture)).packet if packet.HasField("track_event")]
    types = Counter(event.type for event in events)
    assert (types[1], types[2]) == (phases["X"], phases["X"])
    assert types[4] == phases["C"]
    assert sum(len(event.flow_ids) for event in events) == phases["s"] == phases["f"]


def test_without_the_extra_perfetto_says_what_to_install(small: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace.perfetto_trace_pb2", None)
    with pytest.raises(UsageError, match=r"pip install 'nova-async\[perfetto\]'"):
        perfetto_trace(small)
    assert chrome_trace(small)


def test_an_empty_trace_is_a_whole_file() -> None:
    nothing = draw([Recorded("nothing", {}, Trace())])
    assert json.loads(chrome_trace(nothing))["otherData"] == {"scenario": "nothing"}
    assert parsed(perfetto_trace(nothing)).packet
