"""stdout for answers, stderr for talk, and the progress bar."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

COMPACT_BELOW = 110
"""Columns of a terminal below which a table keeps the question under the name."""
UNLIMITED = 10_000
"""Columns of a pipe: whoever reads it wraps, or not."""


def answers() -> Console:
    """For what was asked: stdout."""
    return _console(sys.stdout)


def talk() -> Console:
    """For everything else: stderr."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    # NO_COLOR asks for no colour; rich would keep bold, structlog drops all: follow the stricter.
    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(file=stream, color_system=None if plain else "auto", highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    return console


def is_narrow(console: Console) -> bool:
    """Whether a table with the question in a column of its own would be hard to read."""
    return console.width < COMPACT_BELOW


def show(console: Console, table: Table) -> None:
    """Print a table; in a pipe without the blanks that pad it."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    lines = "\n".join(line.rstrip() for line in capture.get().splitlines())
    print(lines.strip("\n"), file=console.file)


class Steps:
    """Called before each step with its name.

    Args:
        bar: shows them.
        total: how many there will be.
    """

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)
        self._name = ""

    def __call__(self, name: str) -> None:
        """The next step begins."""
        self._bar.update(self._task, description=name, advance=1 if self._name else 0)
        self._name = name

    def note(self, line: str) -> None:
        """How far the step is."""
        self._bar.update(self._task, description=f"{self._name}: {line}")


@contextmanager
def progress(total: int, *, wanted: bool) -> Iterator[Steps]:
    """A bar on stderr, if that is a terminal; yields what to call before each step."""
    console = talk()
    on_terminal = sys.stderr.isatty() and console.is_interactive  # FORCE_COLOR makes no terminal of a pipe
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not (wanted and on_terminal)) as bar:
        yield Steps(bar, total)
