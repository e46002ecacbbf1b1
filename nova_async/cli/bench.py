"""``nova-async bench``."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from nova_async.bench import BENCHES, MAX_SECONDS, Settings, run
from nova_async.bench.figure import Report
from nova_async.bench.plot import page
from nova_async.bench.saved import Slower, figures_of, load, machine_change, slower
from nova_async.bench.show import closing_text, document, tables
from nova_async.cli import options
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers, show, talk
from nova_async.errors import UsageError

EXAMPLES = (
    "bench",
    "bench mapping --json",
    "bench explorer --peers",
    "bench --save before.json",
    "bench --against before.json --html bench.html",
)

_written = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("bench", cls=Verb, examples=EXAMPLES)
@click.argument("names", nargs=-1, metavar="[BENCH]…")
@click.option(
    "max_seconds",
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=MAX_SECONDS,
    show_default=True,
    metavar="S",
    help="About how long each bench may take; what does not fit is left out, and said.",
)
@click.option("--save", type=_written, metavar="FILE", help="Write the JSON document to FILE as well.")
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Say what got slower since FILE was saved, by more than the noise; exit code 1 if anything did.",
)
@click.option("html", "--html", type=_written, metavar="FILE", help="Draw cost against size, log-log, as a page.")
@click.option("--peers", is_flag=True, help="Measure other explorers too: pip install 'nova-async[peers]'.")
@options.as_json
@options.no_progress
def command(
    *,
    names: tuple[str, ...],
    max_seconds: float,
    save: Path | None,
    against: Path | None,
    html: Path | None,
    peers: bool,
    as_json: bool,
    no_progress: bool,
) -> int:
    """Measure, and compare with others and with what is possible.

    Without a BENCH: all of them.
    """
    chosen = names or tuple(BENCHES)
    for name in chosen:
        if name not in BENCHES:
            raise UsageError.unknown("bench", name, BENCHES)
    _check_folders(save, html)
    before = figures_of(load(against)) if against is not None else {}
    with _status(wanted=not no_progress) as step:
        reports = [run(name, Settings(max_seconds, step, peers)) for name in chosen]
    found = document(reports)
    _write(found, save, html)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _tell(reports)
    worse = list(slower(reports, before))
    if against is not None:
        _tell_slower(worse, against, machine_change(reports, before))
    return ExitCode.OK if found["ok"] and not worse else ExitCode.UNMET


def _check_folders(*paths: Path | None) -> None:
    """Measuring takes minutes; what cannot be written afterwards is refused before."""
    for path in filter(None, paths):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")


def _write(found: Mapping[str, object], save: Path | None, html: Path | None) -> None:
    if save is not None:
        save.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if html is not None:
        html.write_text(page(found), encoding="utf-8")


def _tell(reports: Sequence[Report]) -> None:
    console = answers()
    for report in reports:
        for table in tables(report):
            show(console, table)
        console.print(closing_text(report), soft_wrap=True)


def _tell_slower(worse: Sequence[Slower], against: Path, machine: float) -> None:
    """On stderr: stdout has the answer, perhaps as one JSON document."""
    click.echo(
        f"times are {machine:.2f} of those in {against} in the median, which is taken to be the machine", err=True
    )
    for each in worse:
        click.echo(str(each), err=True)
    if not worse:
        click.echo(f"nothing is slower than in {against} by more than the noise", err=True)


@contextmanager
def _status(*, wanted: bool) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is being measured, if that is a terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda line: None  # noqa: ARG005  nobody looks
        return
    with talk().status("") as status:
        yield status.update
