"""Small programs in which everything can be tried; the world is the real one."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from nova_async.cli import explore as verb
from nova_async.cli.exploring import Talk, progress_line
from nova_async.explore import Progress
from nova_async.explore.driver import Driver
from nova_async.explore.result import Result
from nova_async.kernel.faults import KINDS
from nova_async.report.explored import explore_table
from nova_async.report.schemas import schema
from nova_async.scenario.declare import Scenario
from nova_async.scenario.exploring import Explored, Plan

Nova = Callable[..., Any]


async def _nothing() -> None: ...


def rows(out: str) -> list[list[str]]:
    """The cells of the table."""
    lines = [line.split("  ") for line in out.splitlines()[2:]]
    return [[cell.strip() for cell in line if cell.strip()] for line in lines]


def test_a_scenario_that_meets_its_expectation_in_every_order_ends_with_0(meetings: Nova) -> None:
    said = meetings("explore", "meet.py", "-k", "in_line or crossed")
    assert (said.code, said.err) == (0, "")
    crossed, in_line = rows(said.out)[:2]
    assert (crossed[:4], crossed[-2:]) == (["crossed", "exhaustive", "complete", "4"], ["NOVA101, NOVA401", "met"])
    assert (in_line[:4], in_line[-2:]) == (["in_line", "exhaustive", "complete", "2"], ["nothing", "met"])
    assert said.out.endswith("2 of 2 scenarios met the expectation; 2 explored in every order.\n")


def test_an_unexpected_finding_ends_with_1_and_the_schedule_that_makes_it(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::surprised")
    assert said.code == 1
    assert "found NOVA101, NOVA401" in said.out
    assert "NOVA401 deadlock (proved)" in said.out
    lines = [line.strip() for line in said.out.splitlines()]
    assert "2             acquire b  create is preempted" in lines
    assert any(line.startswith("replay it: nova-async replay 'n1.") for line in lines)
    assert "explore it again: nova-async explore meet.py::surprised --strategy exhaustive --seed 0" in lines


def test_an_exception_that_escapes_has_a_schedule_and_a_token_as_well(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::breaks", "-p", "clients=1", "--json")
    assert said.code == 1
    document = json.loads(said.out)
    (error,) = document["errors"]
    assert error["message"] == "RuntimeError: it broke"
    assert error["token"].startswith("n1.")
    assert document["parameters"] == {"clients": 1}
    assert "-p clients=1" in meetings("explore", "meet.py::breaks", "-p", "clients=1").out


def test_a_bound_that_is_hit_before_the_end_is_inconclusive(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::in_line", "--max-executions", "1")
    assert said.code == 4
    assert "it stopped after 1 executions (max_executions)" in said.out
    assert rows(said.out)[0][-1] == "inconclusive"
    assert "Inconclusive: 1." in said.out


def test_a_bound_does_not_hide_what_was_found(meetings: Nova) -> None:
    assert meetings("explore", "meet.py::surprised", "--max-executions", "1").code == 1


def test_an_expected_finding_that_has_not_come_yet_is_no_verdict(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::crossed", "--max-executions", "1")
    assert (said.code, rows(said.out)[0][-1]) == (4, "inconclusive; no NOVA401 so far")


@pytest.mark.parametrize("strategy", ["dpor", "source-dpor", "dfs", "pct", "random"])
def test_every_strategy_finds_the_deadlock(meetings: Nova, strategy: str) -> None:
    said = meetings("explore", "meet.py::crossed", "--strategy", strategy, "--max-executions", "50", "--no-shrink")
    assert (said.code, rows(said.out)[0][1]) == (0, strategy)


def test_a_strategy_that_never_ends_needs_a_bound(meetings: Nova) -> None:
    said = meetings("explore", "meet.py", "--strategy", "random")
    assert (said.code, said.out) == (2, "")
    assert "never ends by itself; give --max-executions or --max-seconds" in said.err


def test_json_of_one_scenario_is_the_contract(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::surprised", "--json")
    document = json.loads(said.out)
    Draft202012Validator(schema("nova.explore/1")).validate(document)
    assert (said.code, said.err, document["ok"]) == (1, "", False)
    assert document["scenario"] == "meet.py::surprised"
    assert (document["strategy"], document["complete"], document["executions"]) == ("exhaustive", True, 4)
    deadlock = document["findings"][1]
    assert (deadlock["code"], deadlock["severity"]) == ("NOVA401", "proved")
    assert deadlock["token"].startswith("n1.")
    assert deadlock["schedule"] == [{"task": "create", "did": "acquire a"}, {"task": "reset", "did": "acquire b"}]


def test_json_of_several_scenarios_is_a_list_of_the_same(meetings: Nova) -> None:
    said = meetings("explore", "meet.py", "-k", "in_line or crossed", "--json")
    document = json.loads(said.out)
    validator = Draft202012Validator(schema("nova.explore/1"))
    validator.validate(document)
    assert (said.code, document["ok"], document["interrupted"]) == (0, True, False)
    assert [entry["scenario"] for entry in document["scenarios"]] == ["meet.py::crossed", "meet.py::in_line"]
    del document["scenarios"][0]["complete"]
    assert not validator.is_valid(document)


def test_x_stops_at_the_first_that_is_not_met(meetings: Nova) -> None:
    said = meetings("explore", "meet.py", "-x")
    assert said.code == 1
    assert "Not explored: 3 of 5." in said.out


def test_what_to_explore_has_to_be_named(meetings: Nova) -> None:
    said = meetings("explore")
    assert said.code == 2
    assert "PATH[::NAME]" in said.err


def test_nothing_selected_ends_with_5(meetings: Nova) -> None:
    assert meetings("explore", "meet.py", "-k", "nothing_like_it").code == 5


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupt_ends_with_130_and_what_was_found_so_far(
    meetings: Nova, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    real = Driver.run
    seen = []

    def interrupted_at_the_third(*args: Any) -> Any:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(Driver, "run", interrupted_at_the_third)
    said = meetings("explore", "meet.py", *(["--json"] if as_json else []))
    assert said.code == 130
    if as_json:
        document = json.loads(said.out)
        assert (document["interrupted"], len(document["scenarios"])) == (True, 1)
        assert document["scenarios"][0]["executions"] == 2
    else:
        assert "it was interrupted" in said.out
        assert "Not explored: 4 of 5." in said.out
        assert "the results above are partial" in said.err


def test_the_reports_are_written_with_what_was_covered(meetings: Nova, tmp_path: Path) -> None:
    args = ("--junit", "report.xml", "--sarif", "report.sarif", "--ktap", "report.ktap", "--html", "report.html")
    said = meetings("explore", "meet.py", *args)
    assert said.code == 1
    junit = (tmp_path / "report.xml").read_text(encoding="utf-8")
    assert "surprised[exhaustive]" in junit
    assert "NOVA401" in (tmp_path / "report.sarif").read_text(encoding="utf-8")
    assert "not ok" in (tmp_path / "report.ktap").read_text(encoding="utf-8")
    assert '"exploration"' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_could_not_be_decided_is_skipped_in_the_reports(meetings: Nova, tmp_path: Path) -> None:
    meetings("explore", "meet.py::in_line", "--max-executions", "1", "--ktap", "report.ktap")
    assert "# SKIP inconclusive" in (tmp_path / "report.ktap").read_text(encoding="utf-8")


def test_a_schedule_too_long_for_a_line_goes_into_a_file(meetings: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nova_async.report.explored.SHORT", 20)
    said = meetings("explore", "meet.py::surprised")
    assert "write the schedule to a file with --save-schedule FILE" in said.out
    assert "n1." not in said.out


def test_a_schedule_is_saved_for_readers_and_for_replay(meetings: Nova, tmp_path: Path) -> None:
    meetings("explore", "meet.py::surprised", "--save-schedule", "schedule.json")
    document = json.loads((tmp_path / "schedule.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema("nova.schedule/1")).validate(document)
    assert [step["did"] for step in document["steps"]] == ["acquire a", "acquire b", "acquire b", "acquire a"]


def test_where_nothing_fails_no_schedule_is_saved(meetings: Nova, tmp_path: Path) -> None:
    said = meetings("explore", "meet.py::in_line", "--save-schedule", "schedule.json")
    assert said.code == 0
    assert "nothing went wrong" in said.err
    assert not (tmp_path / "schedule.json").exists()


def test_every_fault_of_the_kernel_can_be_chosen() -> None:
    (fail,) = (option for option in verb.command.params if option.name == "fail")
    assert isinstance(fail.type, click.Choice)
    assert tuple(fail.type.choices) == KINDS


def test_progress_says_how_far_and_how_fast() -> None:
    assert progress_line(Progress(1200, 340, 5000, 1, 1.5, 12)) == (
        "1,200 executions, 340 states, 12 left to try, 1 failure, 800/s, 1.5 s"
    )
    assert progress_line(Progress(10, 0, 50, 0, 0.5, 0)) == "10 executions, 20/s, 0.5 s"


def test_the_log_gets_a_line_of_progress_every_other_second(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    logged: list[str] = []
    monkeypatch.setattr("nova_async.cli.exploring.log.info", lambda _event, **what: logged.append(what["progress"]))
    talk = Talk("race", notes.append)
    for tenth in range(0, 50, 2):
        talk(Progress(tenth, 0, 0, 0, tenth / 10, 0))
    assert len(notes) == 25
    assert len(logged) == 2


def test_run_explores_what_one_run_does_not_answer(meetings: Nova) -> None:
    said = meetings("run", "meet.py", "scenarios", "-k", "quiet or crossed")
    assert said.code == 0
    assert rows(said.out)[0][2:4] == ["NOVA101, NOVA401", "met"]
    assert "1 explored, on the controlled loop, 1 of them in every order" in said.out


def test_json_of_an_explored_run_is_of_its_schema(meetings: Nova) -> None:
    document = json.loads(meetings("run", "meet.py::crossed", "--json").out)
    Draft202012Validator(schema("nova.run/1")).validate(document)
    (entry,) = document["scenarios"]
    assert (entry["backend"], entry["met"], entry["stats"]["executions"]) == ("exhaustive", True, 4)


def test_a_narrow_table_has_room_for_every_word() -> None:
    scenario = Scenario("mixed_clients", "What?", (), (), None, _nothing, "x.py")
    result = Result(
        complete=False,
        executions=12_345,
        states=67_890,
        steps=1_000_000,
        elapsed=12.5,
        failures=(),
        outcomes={},
        incomplete_because=("it stopped after 12345 executions (max_executions)",),
    )
    console = Console(width=90, file=StringIO(), record=True)
    console.print(explore_table([Explored(scenario, {}, Plan(), result, (), ())], compact=True))
    row, below = console.export_text().splitlines()[-3:-1]
    assert row.split() == [scenario.name, "partial", "12,345", "67,890", "12.50", "s", "nothing", "inconclusive"]
    assert below.split() == ["exhaustive"]


def test_a_kill_of_nobody_is_a_mistake_and_names_the_clients(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::in_line", "--kill", "creat*", "--kill", "rest*", "--max-executions", "5")
    assert (said.code, said.out) == (2, "")
    assert said.err == "nova-async: no client 'rest*'; did you mean 'reset'? (there are: create, reset)\n"


def test_a_kill_of_somebody_is_none(meetings: Nova) -> None:
    assert meetings("explore", "meet.py::in_line", "--kill", "creat*", "--kill", "?eset").code == 0


def test_a_bound_on_kills_is_taken_and_leaves_orders_out(meetings: Nova) -> None:
    bounded, unbounded = (
        json.loads(meetings("explore", "meet.py::in_line", "--kill", "*", *kills, "--json").out)
        for kills in (("--kills", "1"), ())
    )
    assert bounded["complete"]
    assert unbounded["complete"]
    assert 2 < bounded["executions"] < unbounded["executions"]


def test_the_command_that_explores_again_has_the_bound_on_kills(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::in_line", "--kill", "*", "--kills", "1", "--max-executions", "1")
    assert "--kills 1 --kill '*'" in said.out


def test_what_a_bounded_kill_breaks_is_found_and_replayed(meetings: Nova) -> None:
    said = meetings("explore", "meet.py::misses", "--kill", "*", "--kills", "1")
    assert said.code == 1
    token = next(line.split("'")[1] for line in said.out.splitlines() if "replay it:" in line)
    again = meetings("replay", token)
    assert again.code == 1
    assert "somebody is missing" in again.out


@pytest.mark.parametrize("kills", ["0", "-1", "all"])
def test_a_bound_on_kills_that_is_none_is_a_mistake_in_one_line(meetings: Nova, kills: str) -> None:
    said = meetings("explore", "meet.py::in_line", "--kill", "*", "--kills", kills)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("nova-async: ")
    assert said.err.count("\n") == 1
    assert "--kills" in said.err


def test_first_stops_at_the_first_failure(meetings: Nova) -> None:
    every = json.loads(meetings("explore", "meet.py::surprised", "--json").out)
    said = meetings("explore", "meet.py::surprised", "--first", "--json")
    first = json.loads(said.out)
    assert said.code == 1
    assert first["executions"] < every["executions"]
    assert first["incomplete_because"] == ["it stopped at the first failure"]
    assert "--first" in meetings("explore", "meet.py::surprised", "--first").out


def test_starvation_is_told_and_leaves_the_answer_open(spinning: Nova) -> None:
    said = spinning("explore", "spin.py::spins", "--strategy", "dfs", "--max-executions", "1")
    assert said.code == 4
    assert rows(said.out)[0][-2:] == ["NOVA403", "inconclusive"]
    assert "NOVA403 starvation (possible)" in said.out
    assert "create could acquire a at each of the last 16 steps, and 1,000 more, and never had a turn" in said.out
    assert "while spinner goes round (acquire a); in turns, it ends after" in said.out


def test_starvation_that_is_expected_is_an_answer(spinning: Nova) -> None:
    said = spinning("explore", "spin.py::means_it", "--strategy", "dfs", "--max-executions", "1")
    assert (said.code, rows(said.out)[0][-1]) == (0, "met")


def test_a_deadlock_behind_an_attendant_fails_as_livelock_and_says_who_waits_for_whom(spinning: Nova) -> None:
    said = spinning("explore", "spin.py::hidden", "--strategy", "dfs", "--max-executions", "1")
    assert said.code == 1
    assert "NOVA404 livelock (proved)" in said.out
    assert "nobody gets anywhere: kswapd goes round (read kswapd), and 1,000 more steps in turns" in said.out
    assert "create waits for acquire b, held by reset; reset waits for acquire a, held by create" in said.out


@pytest.mark.parametrize("name", ["spins", "hidden"])
def test_what_does_not_end_replays_to_the_same_text(spinning: Nova, name: str) -> None:
    told = spinning("explore", f"spin.py::{name}", "--strategy", "dfs", "--max-executions", "1").out
    message = next(line.strip() for line in told.splitlines() if "goes round" in line)
    token = next(line.split("'")[1] for line in told.splitlines() if "replay it:" in line)
    said = spinning("replay", token)
    assert said.code == (1 if name == "hidden" else 0)
    assert message in said.out
