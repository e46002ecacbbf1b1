from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nova = Callable[..., Any]

TABLE = [
    (
        "run scenarios/clients.py::quiet -p chip=GA103",
        "no chip 'GA103'; did you mean 'GA102'? (there are: GA102, TU102)",
    ),
    ("run scenarios/clients.py::quiet -p chips=GA102", "has no parameter 'chips'; did you mean 'chip'?"),
    ("run scenarios/clients.py::quiet -p clients=many", "scenario 'quiet' wants a value of type int for 'clients'"),
    ("run scenarios/clients.py::quiet -p clients", "-p 'clients': expected name=value"),
    ("run scenarios/clients.py::quite", "no scenario 'quite'; did you mean 'quiet'?"),
    ("run torn.py", "torn.py:1: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    ("list torn.py", "torn.py:1: ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    ("run scenarios/clients.py::quiet -p clients=-1", "scenario 'quiet' wants 0 or more for 'clients'"),
    ("run nowhere", "no file or folder 'nowhere'"),
    ("run " + "n" * 300, "no file or folder 'nnn"),
    ("run nul.py", "nul.py: SyntaxError: source code string cannot contain null bytes"),
    ("run base.py", "base.py:2: Rude: no"),
    ("list base.py", "base.py:2: Rude: no"),
    ("run exits.py", "exits.py:1: SystemExit: 3"),
    ("run -k (quiet", "-k '(quiet': did not expect its end"),
    ("run --backend tiro", "'tiro' is not one of 'asyncio', 'trio'"),
    ("run --seed minus", "'minus' is no seed; expected a whole number such as 7 or 0x1f"),
    ("run --seed=-1", "'-1' is no seed"),
    ("run --sed 1", "'--seed'?"),
    ("rnu", "no verb 'rnu'; did you mean 'run'?"),
    ("explain", "Missing argument 'CODE'"),
    ("explain NOVA20", "no rule 'NOVA20'; did you mean 'NOVA"),
    ("explain fence-path-lock", "no rule 'fence-path-lock'; did you mean 'fence-"),
]


@pytest.mark.parametrize(("line", "right"), TABLE, ids=[line for line, _ in TABLE])
def test_bad_input_is_one_line_on_stderr_and_2(nova: Nova, line: str, right: str) -> None:
    said = nova(*line.split())
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("nova-async: ")
    assert right in said.err


def test_a_bug_of_ours_ends_with_3_a_traceback_and_how_to_report(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken promise")

    monkeypatch.setattr("nova_async.cli.run.chosen", fail)
    said = nova("run")
    assert said.code == 3
    assert "RuntimeError: broken promise" in said.err
    assert "please open an issue" in said.err.splitlines()[-1]


def test_an_interrupt_before_anything_ran_ends_with_130(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nova_async.cli.run.chosen", interrupt)
    said = nova("run")
    assert (said.code, said.out, said.err.strip()) == (130, "", "nova-async: interrupted")


def test_an_empty_target_is_no_folder(nova: Nova) -> None:
    said = nova("run", "")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("nova-async: no file or folder ''")


def test_ctrl_c_while_a_file_is_imported_is_an_interrupt(nova: Nova) -> None:
    Path("slow.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    assert nova("run", "slow.py").code == 130


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_scenario_that_exits_is_an_error_and_the_next_one_runs(nova: Nova, backend: str) -> None:
    Path("leaves.py").write_text(LEAVES, encoding="utf-8")
    said = nova("run", "leaves.py", "--backend", backend)
    assert said.code == 1
    assert "SystemExit: 0 (line 7 of leaves.py)" in said.out
    assert "SystemExit: from a task (line 14 of leaves.py)" in said.out
    assert "1 of 3 scenarios met" in said.out


LEAVES = '''import sys
import anyio
from nova_async.scenario import CLEAN, World, scenario
@scenario(expect=CLEAN)
async def exits(world: World) -> None:
    """Does it matter if the scenario exits?"""
    sys.exit(0)
@scenario(expect=CLEAN)
async def task_exits(world: World) -> None:
    """Does it matter if a task of it exits?"""

    async def leave() -> None:
        await anyio.lowlevel.checkpoint()
        sys.exit("from a task")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        tasks.start_soon(anyio.sleep_forever)
@scenario(expect=CLEAN)
async def stays(world: World) -> None:
    """Does the next one run?"""
'''
