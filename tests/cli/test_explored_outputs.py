"""The files that ``explore`` writes of a failure, and ``run`` of a scenario that is explored."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nova_async.cli import exploring
from nova_async.errors import ReplayDiverged
from nova_async.scenario.exploring import Explored

Nova = Callable[..., Any]


def slices(path: str) -> set[str]:
    """The names of the tracks of a Chrome trace that have something on them."""
    events = json.loads(Path(path).read_text(encoding="utf-8"))["traceEvents"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    return {names[e["pid"], e["tid"]] for e in events if e["ph"] in "BX"}


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_a_trace_of_a_failure_has_what_both_tasks_did(verb: str, meetings: Nova) -> None:
    assert meetings(verb, "meet.py::crossed", "--trace", "t.json").code == 0
    assert {"create", "reset", "a", "b"} <= slices("t.json")


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_the_page_of_a_failure_has_a_timeline_and_the_lock_graph(verb: str, meetings: Nova) -> None:
    assert meetings(verb, "meet.py::crossed", "--html", "h.html").code == 0
    text = Path("h.html").read_text(encoding="utf-8")
    assert re.search(r'"timeline":\{"tasks":\[("crossed",)?"create","reset"', text)
    assert re.search(r'"cycles":\[\{"code":"NOVA101","classes":\["(a","b|b","a)"\]\}\]', text)


def test_the_page_leads_to_the_step_of_the_deadlock(meetings: Nova) -> None:
    meetings("explore", "meet.py::crossed", "--html", "h.html")
    text = Path("h.html").read_text(encoding="utf-8")
    (marks,) = re.findall(r'"left_out":0,"findings":(\[\[.*?\]\])', text)
    assert {code for _, code, _ in json.loads(marks)} == {"NOVA101", "NOVA401"}


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_dot_has_the_edges_of_the_failure(verb: str, meetings: Nova) -> None:
    assert meetings(verb, "meet.py::crossed", "--dot", "d.dot").code == 0
    text = Path("d.dot").read_text(encoding="utf-8")
    assert '"a" -> "b"' in text
    assert '"b" -> "a"' in text


def test_the_answer_is_the_same_with_files_and_without(meetings: Nova) -> None:
    def told(*files: str) -> dict[str, object]:
        document: dict[str, object] = json.loads(meetings("explore", "meet.py::surprised", "--json", *files).out)
        return {name: value for name, value in document.items() if name != "elapsed_s"}

    assert told("--html", "h.html", "--trace", "t.json") == told()


def test_the_same_failure_writes_the_same_bytes(meetings: Nova) -> None:
    def written() -> list[bytes]:
        meetings("explore", "meet.py", "-k", "crossed or in_line or breaks", "--html", "h.html", "--trace", "t.json")
        return [Path(name).read_bytes() for name in ("h.html", "t.json")]

    assert written() == written()


def test_a_scenario_in_which_nothing_went_wrong_has_no_timeline(meetings: Nova) -> None:
    assert meetings("explore", "meet.py::in_line", "--html", "h.html").code == 0
    assert '"timeline":null' in Path("h.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", [["--junit", "j.xml"], ["--sarif", "s.sarif"], []], ids=["junit", "sarif", "none"])
def test_nothing_is_run_again_for_files_that_need_no_recording(
    option: list[str], meetings: Nova, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploring, "record_failure", lambda explored: pytest.fail("it was run again"))
    assert meetings("explore", "meet.py::crossed", *option).code == 0


def test_a_failure_that_cannot_be_run_again_is_a_warning_and_the_page_goes_without(
    meetings: Nova, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(explored: Explored) -> None:
        raise ReplayDiverged(f"step 1 of {explored.scenario.name}")

    monkeypatch.setattr(exploring, "record_failure", diverge)
    said = meetings("explore", "meet.py::crossed", "--html", "h.html")
    assert said.code == 0
    assert json.loads(said.err)["diverged"] == "step 1 of crossed"
    assert '"timeline":null' in Path("h.html").read_text(encoding="utf-8")
