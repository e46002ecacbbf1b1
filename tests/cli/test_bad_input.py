from collections.abc import Callable
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
    ("run nowhere", "no file or folder 'nowhere'"),
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
