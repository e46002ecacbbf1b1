import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nova_async.report.schemas import schema

Nova = Callable[..., Any]


def failures(out: str) -> list[str]:
    """What is told of each failure, from its rule to the line that replays it."""
    return re.findall(r"^  (?:NOVA\d+|error:).*?nova-async replay '.*?'$", out, re.MULTILINE | re.DOTALL)


def token_of(failure: str) -> str:
    found = re.search(r"nova-async replay '(.*)'$", failure)
    assert found is not None
    return found[1]


def fresh(folder: Path, *args: str, hash_seed: str = "1") -> subprocess.CompletedProcess[str]:
    """A process of its own, in another folder and with other hashes than this one."""
    root = str(Path(__file__).parents[2])
    return subprocess.run(  # noqa: S603  our own command line
        [sys.executable, "-m", "nova_async", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
        env={"PYTHONPATH": root, "PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"},
    )


def test_a_token_gives_the_same_finding_and_the_same_text_in_a_fresh_process(meetings: Nova, tmp_path: Path) -> None:
    told = failures(meetings("explore", "meet.py::surprised").out)
    assert [failure.split()[0] for failure in told] == ["NOVA101", "NOVA401"]
    for number, failure in enumerate(told):
        again = fresh(tmp_path, "replay", token_of(failure), hash_seed=str(number))
        assert (again.returncode, again.stderr) == (1, "")
        assert failure in failures(again.stdout)


def test_an_expected_finding_ends_with_0(meetings: Nova) -> None:
    told = failures(meetings("explore", "meet.py::crossed", "-v").out)
    said = meetings("replay", token_of(told[1]))
    assert said.code == 0
    assert "crossed: expected NOVA101, NOVA401; this schedule gives NOVA101, NOVA401" in said.out
    assert said.out.endswith("Replayed, 2 steps as recorded; other orders were not tried.\n")


def test_an_error_is_replayed_with_its_parameters(meetings: Nova) -> None:
    (told,) = failures(meetings("explore", "meet.py::breaks", "-p", "clients=1").out)
    said = meetings("replay", token_of(told))
    assert said.code == 1
    assert failures(said.out) == [told]
    assert "RuntimeError: it broke" in told


def test_a_fault_that_was_chosen_is_chosen_again(meetings: Nova) -> None:
    explored = meetings("explore", "meet.py::breaks", "-p", "clients=0", "--fail", "alloc")
    (told,) = failures(explored.out)
    assert "choices among values" in told
    assert "error: ENOMEM: a page: no host memory" in told
    said = meetings("replay", token_of(told))
    assert (said.code, failures(said.out)) == (1, [told])


def test_a_client_that_was_killed_is_killed_again(meetings: Nova) -> None:
    (told,) = failures(meetings("explore", "meet.py::misses", "--kill", "creat*").out)
    assert "cancelled before acquire a" in told
    assert meetings("explore", "meet.py::misses").code == 0
    said = meetings("replay", token_of(told))
    assert (said.code, failures(said.out)) == (1, [told])


def test_a_schedule_file_replays_like_its_token(meetings: Nova) -> None:
    explored = meetings("explore", "meet.py::surprised", "--save-schedule", "schedule.json")
    assert failures(meetings("replay", "schedule.json").out) == failures(explored.out)[:1]


def test_json_is_that_of_an_exploration(meetings: Nova) -> None:
    (told,) = failures(meetings("explore", "meet.py::breaks", "-p", "clients=1").out)
    said = meetings("replay", token_of(told), "--json")
    document = json.loads(said.out)
    Draft202012Validator(schema("nova.explore/1")).validate(document)
    assert (said.code, document["strategy"], document["complete"]) == (1, "replay", False)
    assert document["executions"] == 1


def test_a_program_that_was_changed_is_said_to_be(meetings: Nova, tmp_path: Path) -> None:
    (told,) = failures(meetings("explore", "meet.py::breaks", "-p", "clients=1").out)
    with (tmp_path / "meet.py").open("a", encoding="utf-8") as file:
        file.write("\n# another line\n")
    said = meetings("replay", token_of(told))
    assert (said.code, failures(said.out)) == (1, [told])
    assert said.err == "nova-async: meet.py is not what it was when the schedule was recorded\n"


def test_a_schedule_that_does_not_fit_any_more_ends_with_4_and_where(meetings: Nova, tmp_path: Path) -> None:
    told = failures(meetings("explore", "meet.py::surprised").out)[1]
    program = tmp_path / "meet.py"
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace('"reset"', '"restart"'), encoding="utf-8")
    said = meetings("replay", token_of(told))
    assert (said.code, said.out) == (4, "")
    assert "diverged at step 1: recorded with {create, reset} runnable, now {create, restart}" in said.err


def test_a_program_that_ends_too_early_has_diverged(meetings: Nova, tmp_path: Path) -> None:
    told = failures(meetings("explore", "meet.py::breaks", "-p", "clients=1", "--fail", "alloc").out)[-1]
    program = tmp_path / "meet.py"
    lines = program.read_text(encoding="utf-8").splitlines(keepends=True)
    program.write_text("".join(line for line in lines if "memory.alloc" not in line), encoding="utf-8")
    said = meetings("replay", token_of(told))
    assert (said.code, said.out) == (4, "")
    assert "step 1: recorded with {root} runnable, now {}: it has ended" in said.err


def test_from_another_folder_the_message_names_the_path(
    meetings: Nova, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = failures(meetings("explore", "meet.py::surprised").out)[0]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    said = meetings("replay", token_of(told))
    assert said.code == 2
    assert "meet.py::surprised" in said.err
    assert "the folder it was recorded in" in said.err


def test_a_parameter_that_the_scenario_lost_is_a_usage_error(meetings: Nova, tmp_path: Path) -> None:
    (told,) = failures(meetings("explore", "meet.py::breaks", "-p", "clients=1").out)
    program = tmp_path / "meet.py"
    program.write_text(program.read_text(encoding="utf-8").replace("clients: int", "people: int"), encoding="utf-8")
    said = meetings("replay", token_of(told))
    assert said.code == 2
    assert "'clients'" in said.err


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("nothing.json", "is no token, and there is no file of that name"),
        ("nothing", "is no token"),
        ("n1.abc.0123", "damaged"),
        ("n9.abc.0123", "version 'n9'"),
        ("n1." + "A" * 5000 + ".0123", "damaged"),
        ("bad.json", "no JSON document"),
        ("other.json", "nova.run/1"),
        ("hollow.json", "a field is missing or of another type"),
        ("bytes.json", "a field is missing or of another type"),
    ],
)
def test_what_is_no_schedule_is_a_usage_error(meetings: Nova, tmp_path: Path, source: str, why: str) -> None:
    (tmp_path / "bad.json").write_text("[", encoding="utf-8")
    (tmp_path / "other.json").write_text('{"schema": "nova.run/1"}', encoding="utf-8")
    (tmp_path / "hollow.json").write_text('{"schema": "nova.schedule/1"}', encoding="utf-8")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    said = meetings("replay", source)
    assert (said.code, said.out) == (2, "")
    assert why in said.err
