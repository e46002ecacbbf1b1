"""What only a process of its own can show: exit codes, streams, start-up."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import nova_async
from nova_async.cli.app import VERBS

ROOT = str(Path(nova_async.__file__).parent.parent)
SCENARIO = '''
from nova_async.scenario import CLEAN, World, scenario

@scenario(expect=CLEAN)
async def quiet(world: World) -> None:
    """Is it quiet when nobody does anything and the terminal is narrow?"""
'''


def nova(*args: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": ROOT, **environment}
    return subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "nova_async", *args], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_version_is_printed() -> None:
    said = nova("--version")
    assert (said.returncode, said.stdout) == (0, f"nova-async, version {nova_async.__version__}\n")


def test_version_and_help_import_nothing_heavy() -> None:
    heavy = {"anyio", "trio", "rich", "structlog", "asyncio", "nova_async.scenario", "nova_async.mm"}
    code = (
        f"import sys; from nova_async.cli import main; main(['--version']); print(sorted({heavy} & set(sys.modules)))"
    )
    said = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[-1] == "[]"


def test_help_begins_with_examples_and_names_every_verb() -> None:
    said = nova("-h")
    assert said.returncode == 0
    assert said.stdout.startswith("Examples:\n  nova-async run\n")
    assert all(f"\n  {verb} " in said.stdout for verb in VERBS)


def test_no_verb_is_a_usage_error_with_the_help() -> None:
    said = nova()
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("Examples:")


@pytest.mark.parametrize(
    "line", ["list x.py", "list x.py --json", "run x.py", "explain NOVA101", "litmus E(A)", "locks"]
)
def test_a_reader_that_has_read_enough_is_no_bug_of_ours(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.py").write_text(SCENARIO, encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    said = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "nova_async", *line.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (said.returncode, said.stderr) == (1, "")


def on_terminal(*args: str, cwd: Path, columns: int, **environment: str) -> tuple[int, str]:
    """Run with stdout and stderr on one terminal of that width."""
    leader, follower = pty.openpty()
    env = {**os.environ, "PYTHONPATH": ROOT, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "nova_async", *args], cwd=cwd, env=env, stdout=follower, stderr=follower
    )
    os.close(follower)
    chunks = []
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other side is gone
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(leader)
    return process.wait(), b"".join(chunks).decode()


@pytest.mark.parametrize("columns", [60, 160])
def test_a_table_fits_a_narrow_and_a_wide_terminal(tmp_path: Path, columns: int) -> None:
    (tmp_path / "x.py").write_text(SCENARIO, encoding="utf-8")
    code, shown = on_terminal("list", "x.py", cwd=tmp_path, columns=columns, NO_COLOR="1")
    lines = shown.replace("\r", "").splitlines()
    assert code == 0
    assert max(len(line) for line in lines) <= columns
    assert "Is it quiet" in shown
    assert "…" not in shown


def test_a_terminal_gets_progress_and_colour_unless_refused(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(SCENARIO, encoding="utf-8")
    _, colourful = on_terminal("run", "x.py", cwd=tmp_path, columns=120)
    _, plain = on_terminal("run", "x.py", "--no-progress", cwd=tmp_path, columns=120, NO_COLOR="1")
    assert "\x1b[32mmet" in colourful
    assert "1/1" in colourful or "0/1" in colourful
    assert "\x1b" not in plain
