"""``pytest scenarios/``."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nova_async

Run = Callable[..., pytest.RunResult]
ROOT = Path(nova_async.__file__).parents[1]


def test_every_scenario_of_a_folder_is_a_test(scenarios: pytest.Pytester, run: Run) -> None:
    result = run("scenarios", "--collect-only", "-q")
    result.stdout.fnmatch_lines([f"scenarios/locks.py::{name}" for name in ("fine", "disappointed", "abba")])


def test_an_unmet_scenario_fails_with_the_verdict_and_the_command(scenarios: pytest.Pytester, run: Run) -> None:
    result = run("scenarios", "-k", "fine or disappointed")
    result.assert_outcomes(passed=1, failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "*disappointed: expected NOVA101; no NOVA101",
            "*run it again: nova-async run scenarios/locks.py::disappointed --backend asyncio --seed 0",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_scenario_that_asks_for_it_is_explored_and_replays(scenarios: pytest.Pytester, run: Run) -> None:
    result = run("scenarios/locks.py::abba", "--junitxml=out.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOVA*", "*strategy exhaustive: * executions, * states*", "replay it: *"])
    assert 'name="nova.states"' in (scenarios.path / "out.xml").read_text()
    line = next(line for line in result.outlines if line.startswith("replay it: "))
    again = run(*line.removeprefix("replay it: pytest ").split())
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*strategy replay: 1 execution*"])


def test_x_stops_and_last_failed_comes_back(scenarios: pytest.Pytester, run: Run) -> None:
    run("scenarios", "-x").assert_outcomes(passed=1, failed=1)
    run("scenarios", "--lf", "-k", "disappointed").assert_outcomes(failed=1)


def test_xdist_runs_scenarios_and_keeps_their_sections(scenarios: pytest.Pytester, pytester: pytest.Pytester) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "-m", "pytest", "-p", "nova_async_pytest", "-n1", "-k", "abba", "scenarios"]
    done = subprocess.run(  # noqa: S603  our own command
        command, cwd=pytester.path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert "replay it: pytest scenarios/locks.py::abba --nova-replay n1." in done.stdout, done.stdout


def test_files_without_scenarios_are_not_imported(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        talks='"""nova_async has @scenario; this file declares none."""\nraise SystemExit(3)',
        quotes='TEXT = """\n@scenario(expect=CLEAN)\nasync def nova_async(): ...\n"""\nraise SystemExit(3)',
        script="raise SystemExit(3)",
        broken="nova_async @scenario(",
    )
    assert run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_test_module_is_left_to_pytest(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        test_own='from nova_async.scenario import CLEAN, scenario\n@scenario(expect=CLEAN)\nasync def q(w):\n "Q?"'
    )
    assert run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_scenario_file_that_does_not_import_is_one_clear_line(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        scene='from nova_async.scenario import scenario\n@scenario(expect="NOVA999")\nasync def q(world):\n    "Q?"'
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*scene.py:*no finding code 'NOVA999'*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("arguments", [[], ["--junitxml=out.xml"]])
def test_unused_the_plugin_imports_nothing_of_ours(pytester: pytest.Pytester, arguments: list[str]) -> None:
    pytester.makepyfile("""
        import sys

        def test_plain():
            heavy = {"nova_async", "trio", "rich", "structlog", "click", "sortedcontainers"}
            assert "nova_async_pytest" in sys.modules
            assert not heavy.intersection(sys.modules)
        """)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "nova_async_pytest", *arguments]
    done = subprocess.run(  # noqa: S603  our own command
        command, cwd=pytester.path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
