"""``nova-async bench``."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from nova_async.bench import BENCHES, Settings, run
from nova_async.bench.show import closing_text, document, table
from nova_async.cli import options
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers, show, talk
from nova_async.errors import UsageError


@click.command("bench", cls=Verb, examples=["bench", "bench mapping --json", "bench mapping --max-seconds 10"])
@click.argument("names", nargs=-1, metavar="[BENCH]…")
@click.option(
    "max_seconds",
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=90.0,
    show_default=True,
    metavar="S",
    help="About how long each bench may take; what does not fit is left out, and said.",
)
@options.as_json
@options.no_progress
def command(*, names: tuple[str, ...], max_seconds: float, as_json: bool, no_progress: bool) -> int:
    """Measure, and compare with others and with what is possible.

    Without a BENCH: all of them.
    """
    chosen = names or tuple(BENCHES)
    for name in chosen:
        if name not in BENCHES:
            raise UsageError.unknown("bench", name, BENCHES)
    with _status(wanted=not no_progress) as step:
        reports = [run(name, Settings(max_seconds, step)) for name in chosen]
    if as_json:
        click.echo(json.dumps(document(reports), indent=2))
    else:
        console = answers()
        for report in reports:
            show(console, table(report))
            console.print(closing_text(report), soft_wrap=True)
    met = all(goal.met for report in reports for goal in report.goals)
    return ExitCode.OK if met else ExitCode.UNMET


@contextmanager
def _status(*, wanted: bool) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being measured, if that is a terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda line: None  # noqa: ARG005  nobody looks
        return
    with talk().status("") as status:
        yield status.update
