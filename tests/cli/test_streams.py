"""stdout that is full, closed, or nobody reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nova_async
from nova_async.scenario.discovery import packaged_folder

ROOT = str(Path(nova_async.__file__).parent.parent)
FEW = str(packaged_folder() / "opposite_order.py")
"""So little that it stays in the buffer."""
COMMANDS = [["list", FEW], ["explain", "NOVA101"], ["-h"]]


def start(arguments: list[str], stdout: int, *, shut: bool = False) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "nova_async", *arguments],
        env={**os.environ, "PYTHONPATH": ROOT, "PYTHONUNBUFFERED": ""},  # as a user has it
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=(lambda: os.close(1)) if shut else None,
    )


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words).replace(FEW, "FEW"))
def test_a_full_disk_is_one_line_and_2(arguments: list[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = start(arguments, full)
    os.close(full)
    assert process.communicate(timeout=60)[1] == "nova-async: stdout: No space left on device\n"
    assert process.returncode == 2


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words).replace(FEW, "FEW"))
def test_a_pipe_that_nobody_reads_any_more_ends_it_silently(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(arguments, writer)
    os.close(writer)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 1


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words).replace(FEW, "FEW"))
def test_a_stdout_that_is_closed_changes_nothing_else(arguments: list[str]) -> None:
    process = start(arguments, subprocess.DEVNULL, shut=True)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
