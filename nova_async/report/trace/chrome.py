"""A picture in Chrome's trace-event format, for ui.perfetto.dev, chrome://tracing, speedscope and others.

A group is a process and a track a thread of it: JSON names and orders nothing else. A tick is a microsecond.
"""

import json
from collections.abc import Iterator

from nova_async.report.trace.picture import Group, Picture, Track

Entry = dict[str, object]


def chrome_trace(picture: Picture) -> str:
    """The whole file, one event a line."""
    lines = [json.dumps(entry, separators=(",", ":")) for entry in _entries(picture)]
    about = json.dumps(picture.about)
    events = ",\n".join(lines)
    return f'{{"displayTimeUnit":"ns","otherData":{about},"traceEvents":[\n{events}\n]}}\n'


def _entries(picture: Picture) -> Iterator[Entry]:
    places: dict[Track, Entry] = {}
    for pid, group in enumerate(picture.groups, start=1):
        yield from _name_group(group, pid, places)
    for drawn in picture.slices:
        lasts: Entry = {"ts": drawn.start, "dur": drawn.end - drawn.start}
        yield {"ph": "X", **places[drawn.track], **lasts, "name": drawn.name, "args": dict(drawn.args)}
    for instant in picture.instants:
        where = places[instant.track]
        yield {"ph": "i", **where, "ts": instant.at, "s": "g", "name": instant.name, "args": dict(instant.args)}
    for count in picture.counts:
        process = places[count.track]["pid"]
        value = {count.track.unit: count.value}
        yield {"ph": "C", "pid": process, "ts": count.at, "name": count.track.name, "args": value}
    for number, flow in enumerate(picture.flows, start=1):
        about: Entry = {"cat": "flow", "name": flow.name, "id": number}
        yield {"ph": "s", **places[flow.source.track], "ts": flow.source.start, **about}
        # bp "e": to the slice around this time, not to the next one that begins.
        yield {"ph": "f", "bp": "e", **places[flow.target.track], "ts": flow.target.start, **about}


def _name_group(group: Group, pid: int, places: dict[Track, Entry]) -> Iterator[Entry]:
    yield {"ph": "M", "pid": pid, "tid": 0, "name": "process_name", "args": {"name": group.name}}
    yield {"ph": "M", "pid": pid, "tid": 0, "name": "process_sort_index", "args": {"sort_index": pid}}
    for tid, track in enumerate(group.tracks, start=1):
        where: Entry = {"pid": pid, "tid": tid}
        places[track] = where
        if not track.unit:  # a counter belongs to its process
            yield {"ph": "M", **where, "name": "thread_name", "args": {"name": track.name}}
            yield {"ph": "M", **where, "name": "thread_sort_index", "args": {"sort_index": tid}}
