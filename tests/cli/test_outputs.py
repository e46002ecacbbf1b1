"""The files that ``run`` writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from nova_async.report.schemas import schema
from nova_async.scenario import runner

Nova = Callable[..., Any]

ALL = ["--junit", "j.xml", "--ktap", "k.txt", "--sarif", "s.sarif", "--dot", "d.dot", "--trace", "t.json"]
NAMES = ALL[1::2]


def test_every_file_is_written_and_the_answer_is_the_same(nova: Nova) -> None:
    plain, with_files = nova("run", "-q"), nova("run", "-q", *ALL)
    assert (with_files.code, with_files.out, with_files.err) == (0, plain.out, "")
    assert all(Path(name).stat().st_size for name in NAMES)


def test_files_are_written_when_the_run_fails(nova: Nova) -> None:
    assert nova("run", "wrong.py", *ALL).code == 1
    root = ET.fromstring(Path("j.xml").read_text(encoding="utf-8"))  # noqa: S314  our own
    assert (root.get("failures"), root.get("errors")) == ("1", "1")
    assert "not ok 1 surprised[asyncio]" in Path("k.txt").read_text(encoding="utf-8")
    results = json.loads(Path("s.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["NOVA101"]


def test_files_are_written_when_the_run_is_interrupted(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", interrupt)
    assert nova("run", *ALL).code == 130
    assert "ok 1 quiet[asyncio] # SKIP interrupted" in Path("k.txt").read_text(encoding="utf-8")


def test_what_x_left_out_is_skipped(nova: Nova) -> None:
    nova("run", "wrong.py", "-x", "--ktap", "k.txt")
    assert "ok 2 broken[asyncio] # SKIP -x: an earlier one was not met" in Path("k.txt").read_text(encoding="utf-8")


def test_the_same_seed_writes_the_same_bytes(nova: Nova) -> None:
    def written() -> list[bytes]:
        nova("run", "wrong.py", "scenarios", "--seed", "3", *ALL)
        return [Path(name).read_bytes() for name in NAMES]

    assert written() == written()


def test_dot_with_the_ending_json_is_json(nova: Nova) -> None:
    assert nova("run", "--dot", "graph.json").code == 0
    Draft202012Validator(schema("nova.lock-graph/1")).validate(json.loads(Path("graph.json").read_text("utf-8")))


@pytest.mark.parametrize("name", ["t.pftrace", "t.perfetto-trace"])
def test_a_trace_with_one_of_perfettos_endings_is_protobuf(name: str, nova: Nova) -> None:
    assert nova("run", "--trace", name).code == 0
    assert Path(name).read_bytes()[:1] == b"\n"  # field 1 of the message Trace: a packet


def test_only_a_trace_makes_the_run_record(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    run = runner.run

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["record"] is not None)
        return run(*args, **kwargs)

    monkeypatch.setattr(runner, "run", watched)
    nova("run", "-k", "quiet", *ALL[:-2])
    nova("run", "-k", "quiet", *ALL)
    assert seen == [False, True]


@pytest.mark.parametrize("option", ["junit", "ktap", "sarif", "dot"])
def test_a_dash_is_stdout_and_nothing_else_goes_there(option: str, nova: Nova) -> None:
    said = nova("run", f"--{option}", "-")
    nova("run", f"--{option}", "file")
    assert said.out == Path("file").read_text(encoding="utf-8")


BAD = [
    (["--junit", "no/such/folder/j.xml"], "--junit no/such/folder/j.xml: there is no folder no/such/folder"),
    (["--sarif", "."], "--sarif .: it is a folder"),
    (["--trace", "t.txt"], "--trace t.txt: the name must end in .json or .pftrace or .perfetto-trace"),
    (["--trace", "-"], "--trace -: the name must end in .json"),
    (["--junit", "a", "--ktap", "./a"], "--ktap ./a: --junit goes there already"),
    (["--ktap", "-", "--junit", "-"], "--ktap -: --junit goes there already"),
    (["--ktap", "-", "--json"], "--ktap -: --json goes there already"),
    (["--dot", "x" * 300], "--dot xxx"),
]


@pytest.mark.parametrize(("options", "said"), BAD, ids=[" ".join(options)[:30] for options, _ in BAD])
def test_a_file_that_cannot_be_is_refused_before_anything_runs(
    options: list[str], said: str, nova: Nova, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "run", lambda *args, **kwargs: pytest.fail("it ran"))
    told = nova("run", *options)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert told.err.startswith(f"nova-async: {said}")


def test_looking_whether_a_file_can_be_written_leaves_none_behind(nova: Nova) -> None:
    nova("run", "nowhere.py", *ALL)
    assert not [name for name in NAMES if Path(name).exists()]


def test_a_file_that_cannot_be_written_in_the_end_is_a_line_and_2_behind_the_answer(nova: Nova) -> None:
    said = nova("run", "--junit", "/dev/full", "--ktap", "k.txt")
    assert said.code == 2
    assert said.err == "nova-async: --junit /dev/full: No space left on device\n"
    assert "2 of 2 scenarios met" in said.out
    assert Path("k.txt").exists()


class TestGithub:
    @pytest.fixture(autouse=True)
    def _actions(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    def test_annotations_go_to_stderr_and_the_table_to_the_summary(self, nova: Nova) -> None:
        said = nova("run", "wrong.py", "--json")
        assert json.loads(said.out)["ok"] is False
        assert [line.partition(" ")[0] for line in said.err.splitlines()] == ["::error", "::error"]
        assert "| surprised[asyncio] |" in Path("summary.md").read_text(encoding="utf-8")

    def test_a_summary_that_cannot_be_written_does_not_change_the_outcome(
        self, nova: Nova, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
        said = nova("run", "-q")
        assert (said.code, said.err) == (0, "nova-async: GITHUB_STEP_SUMMARY /dev/full: No space left on device\n")


def test_elsewhere_nothing_is_annotated(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert "::error" not in nova("run", "wrong.py").err
