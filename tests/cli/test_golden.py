"""Each file in golden/ is a session: a command line after ``$ nova-async``, then what it says and how it ends."""

import shlex
from pathlib import Path

import pytest

from nova_async.cli import main

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))
PROMPT = "$ nova-async "


def session(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The command line, stdout, stderr if there is any, and the exit code."""
    code = main(shlex.split(line))
    said = capsys.readouterr()
    stderr = f"[stderr]\n{said.err}" if said.err else ""
    return f"{PROMPT}{line}\n{said.out}{stderr}[exit {code}]\n"


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_command_line_says_what_is_written_down(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = path.read_text(encoding="utf-8")
    line = expected.partition("\n")[0].removeprefix(PROMPT)
    assert session(line, capsys) == expected


def test_there_are_sessions_written_down() -> None:
    assert len(GOLDEN) >= 9
