import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from nova_async.scenario import runner

Nova = Callable[..., Any]


def test_scenarios_that_meet_their_expectation_end_with_0_and_a_table(nova: Nova) -> None:
    said = nova("run")
    assert (said.code, said.err) == (0, "")
    rows = [line.split("  ") for line in said.out.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[0] == ["scenario", "question", "expectation", "verdict", "time"]
    assert cells[2][:4] == ["quiet", "Is it quiet when nobody does anything?", "clean", "met"]
    assert cells[3][:4] == ["one_lock", "May one lock serve both phases?", "NOVA203", "met"]


def test_the_last_lines_say_what_was_covered_and_what_was_not(nova: Nova) -> None:
    assert nova("run", "--seed", "0x1f", "--backend", "trio").out.splitlines()[-2:] == [
        "2 of 2 scenarios met the expectation on trio, seed 31: 1 clean, 1 with the findings they expect (NOVA203).",
        "Each ran once, in one order of its tasks; other orders were not tried.",
    ]


def test_an_unmet_expectation_ends_with_1_and_the_whole_finding(nova: Nova) -> None:
    said = nova("run", "wrong.py", "-p", "clients=3", "-k", "surprised")
    assert said.code == 1
    assert "found NOVA101" in said.out
    assert "NOVA101 circular-lock-dependency (proved)" in said.out
    assert "nova-async explain NOVA101" in said.out
    assert "nova-async run wrong.py::surprised --backend asyncio --seed 0 -p clients=3" in said.out


def test_an_error_that_escapes_is_one_line_and_its_traceback_comes_with_v(nova: Nova) -> None:
    brief, long = nova("run", "wrong.py::broken"), nova("run", "wrong.py::broken", "-v")
    assert brief.code == long.code == 1
    assert "error ENOSPC; no NOVA201" in brief.out
    assert re.search(r"^  ENOSPC: vram: 4 pages of 3 [(]line [0-9]+ of wrong.py[)]$", brief.out, re.MULTILINE)
    assert "Traceback" not in brief.out
    assert "Traceback" in long.out


def test_x_stops_at_the_first_that_is_not_met(nova: Nova) -> None:
    said = nova("run", "wrong.py", "scenarios", "-x")
    assert said.code == 1
    assert "0 of 1 scenario met" in said.out
    assert "Not run: 3 of 4." in said.out


def test_quiet_leaves_out_the_table_and_verbose_tells_expected_findings(nova: Nova) -> None:
    assert len(nova("run", "-q").out.splitlines()) == 2
    assert "vm is held across an allocation" not in nova("run").out
    assert "vm is held across an allocation" in nova("run", "-v").out


def test_logs_go_to_stderr_as_json_when_that_is_no_terminal(nova: Nova) -> None:
    said = nova("run", "-v", "-k", "quiet")
    entry = json.loads(said.err)
    assert (entry["event"], entry["scenario"], entry["verdict"]) == ("scenario.ran", "quiet", "met")


def test_json_is_the_contract(nova: Nova) -> None:
    said = nova("run", "--json", "--seed", "7", "-k", "one_lock")
    document = json.loads(said.out)
    assert (said.code, said.err, document["schema"], document["ok"]) == (0, "", "nova.run/1", True)
    (entry,) = document["scenarios"]
    assert entry["stats"].pop("elapsed_s") >= 0
    assert entry == {
        "name": "one_lock",
        "file": "scenarios/clients.py",
        "question": "May one lock serve both phases?",
        "parameters": {},
        "backend": "asyncio",
        "seed": 7,
        "expected": ["NOVA203"],
        "met": True,
        "verdict": "met",
        "errors": [],
        "findings": [
            {
                "code": "NOVA203",
                "slug": "fence-path-lock-held-across-reclaim",
                "severity": "possible",
                "message": "vm is held across an allocation",
                "tasks": [],
                "locks": [],
                "token": "",
            }
        ],
        "stats": {"steps": 5},
    }


def test_json_of_an_unmet_run_is_not_ok(nova: Nova) -> None:
    said = nova("run", "wrong.py", "--json")
    assert (said.code, json.loads(said.out)["ok"]) == (1, False)


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupt_ends_with_130_and_partial_results(
    nova: Nova, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    real_run = runner.run

    def interrupted_at_the_second(scenario: Any, *args: Any, **kwargs: Any) -> Any:
        if scenario.name == "one_lock":
            raise KeyboardInterrupt
        return real_run(scenario, *args, **kwargs)

    monkeypatch.setattr(runner, "run", interrupted_at_the_second)
    said = nova("run", *["--json"] * as_json)
    assert said.code == 130
    if as_json:
        document = json.loads(said.out)
        assert (document["ok"], document["interrupted"], len(document["scenarios"])) == (False, True, 1)
    else:
        assert "Not run: 1 of 2." in said.out
        assert "interrupted; the results above are partial" in said.err


def test_nothing_selected_ends_with_5(nova: Nova) -> None:
    said = nova("run", "-k", "nothing_like_it")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("nova-async: no scenario in scenarios that matches -k 'nothing_like_it'")


def test_parameters_are_checked_before_anything_runs(nova: Nova) -> None:
    said = nova("run", "-p", "clients=3")
    assert (said.code, said.out) == (2, "")
    assert said.err == "nova-async: -p clients: scenario 'one_lock' has no parameters\n"
