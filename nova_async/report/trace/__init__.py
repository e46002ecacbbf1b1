"""Traces: what happened in a run, drawn on a time axis by other people's viewers.

::

    picture     tracks, slices, instants, counters and flows: what any viewer can draw
    draw        the events of a run as a picture (task_tracks, lock_tracks: its parts)
    words       what an event is called
    chrome      a picture as Chrome's trace-event JSON
    perfetto    a picture as Perfetto's protobuf, with the extra ``perfetto``

The time axis is the logical clock of the events; one tick is drawn as a microsecond.
"""

from nova_async.report.trace.chrome import chrome_trace as chrome_trace
from nova_async.report.trace.draw import Recorded as Recorded
from nova_async.report.trace.draw import draw as draw
from nova_async.report.trace.perfetto import perfetto_trace as perfetto_trace
