from collections.abc import Sequence

import pytest

from nova_async.bench import Settings, startup
from nova_async.bench.startup import MILLISECONDS, PYTEST, PYTEST_WITH_PLUGIN, PYTHON, VERSION, milliseconds
from nova_async.errors import InternalError


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """No process is started."""
    called: list[Sequence[str]] = []

    def call(arguments: Sequence[str]) -> dict[str, float]:
        called.append(arguments)
        return {MILLISECONDS: 10.0 * len(arguments)}

    monkeypatch.setattr(startup, "milliseconds", call)
    return called


def test_commands_are_compared_with_python_itself(instant: list[Sequence[str]]) -> None:
    report = startup.run(Settings(max_seconds=0))
    figures = {figure.name: figure for figure in report.figures}
    assert figures[VERSION].against == PYTHON
    assert (report.goals[0].value, report.goals[0].limit) == (10.0, startup.VERSION_GOAL)


def test_pytest_is_measured_where_the_plugin_is_installed(
    instant: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "_plugin", lambda: "nova")
    report = startup.run(Settings(max_seconds=0))
    figures = {figure.name: figure for figure in report.figures}
    assert figures[PYTEST_WITH_PLUGIN].against == PYTEST
    assert any("no:nova" in arguments for arguments in instant)


def test_a_plugin_that_is_not_there_is_left_out_and_named(
    instant: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "_plugin", lambda: None)
    report = startup.run(Settings(max_seconds=0))
    assert any(note.startswith("Left out: pytest with the plugin") for note in report.notes)
    assert PYTEST not in {figure.name for figure in report.figures}


def test_a_process_takes_time_and_one_that_fails_is_no_figure() -> None:
    assert milliseconds(("-c", "pass"))[MILLISECONDS] > 0
    with pytest.raises(InternalError, match="exit code 1: oh"):
        milliseconds(("-c", "raise SystemExit('oh')"))
