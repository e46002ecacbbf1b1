"""The files that verbs write: one option for each kind, the same for every verb that runs scenarios.

A verb is decorated with :func:`output_options` and gets one :class:`Outputs`; it checks that before it runs anything,
and writes when it is done, whatever came out. A format is a row of :data:`FORMATS`.
"""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from nova_async import __version__
from nova_async.errors import UsageError
from nova_async.report.case import Case
from nova_async.report.dot import lock_order_dot, lock_order_json
from nova_async.report.github import annotations, step_summary
from nova_async.report.html import html_report
from nova_async.report.junit import junit_xml
from nova_async.report.ktap import ktap
from nova_async.report.sarif import sarif_log
from nova_async.report.trace import Recorded, chrome_trace, draw, perfetto
from nova_async.report.trace.perfetto import perfetto_trace

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        option: on the command line, without the dashes.
        help: of the option.
        write: the content, by the ending of the file name; the empty ending stands for all others.
        needs: what must be there to write it, by ending; raises UsageError.
    """

    option: str
    help: str
    write: dict[str, Callable[[Sequence[Case]], str | bytes]]
    needs: dict[str, Callable[[], object]] = field(default_factory=dict)

    def ending(self, path: str) -> str:
        """The ending that decides.

        Raises:
            UsageError: there is no format of this ending.
        """
        for ending in self.write:
            if ending and path.endswith(ending):
                return ending
        if "" in self.write:
            return ""
        raise UsageError(f"--{self.option} {path}: the name must end in {' or '.join(self.write)}")


def _recorded(cases: Sequence[Case]) -> list[Recorded]:
    return [
        Recorded(case.name, {**case.properties, "version": __version__}, case.events)
        for case in cases
        if case.events is not None
    ]


def _chrome(cases: Sequence[Case]) -> str:
    return chrome_trace(draw(_recorded(cases)))


def _perfetto(cases: Sequence[Case]) -> bytes:
    return perfetto_trace(draw(_recorded(cases)))


FORMATS = (
    Format("html", "A page for the browser, one file: findings, lock graph, schedule, memory.", {"": html_report}),
    Format("junit", "JUnit XML, for CI systems.", {"": junit_xml}),
    Format("ktap", "KTAP, for the kernel's tools.", {"": ktap}),
    Format("sarif", "SARIF 2.1.0, for code scanning.", {"": sarif_log}),
    Format(
        "dot",
        "The lock graph, for Graphviz; as JSON if FILE ends in .json.",
        {".json": lock_order_json, "": lock_order_dot},
    ),
    Format(
        "trace",
        "What happened, for ui.perfetto.dev: Chrome JSON (.json) or protobuf (.pftrace, .perfetto-trace).",
        {".json": _chrome, ".pftrace": _perfetto, ".perfetto-trace": _perfetto},
        {".pftrace": perfetto.require, ".perfetto-trace": perfetto.require},
    ),
)
"""Every kind of file."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that were asked for.

    Attributes:
        paths: by option, those that were given; ``-`` is stdout.
    """

    paths: dict[str, str]

    @property
    def records(self) -> bool:
        """Whether the events of the runs are needed."""
        return not self.paths.keys().isdisjoint({"html", "trace"})

    @property
    def replays(self) -> bool:
        """Whether a failure that was explored has to run once more for them, as an exploration keeps no events."""
        return not self.paths.keys().isdisjoint({"html", "trace", "dot"})

    @property
    def takes_stdout(self) -> bool:
        """Whether one of them goes to stdout, where nothing else may go then."""
        return STDOUT in self.paths.values()

    def check(self, *, as_json: bool = False) -> None:
        """See, before anything runs, that each can be written.

        Args:
            as_json: stdout has a JSON document already.

        Raises:
            UsageError: one cannot, or two go to the same place.
        """
        taken = {STDOUT: "--json"} if as_json else {}
        for form, path in self._asked():
            place = path if path == STDOUT else str(Path(path).absolute())
            if place in taken:
                raise UsageError(f"--{form.option} {path}: {taken[place]} goes there already")
            taken[place] = f"--{form.option}"
            if path != STDOUT or "" not in form.write:
                form.needs.get(form.ending(path), lambda: None)()
                _check_writable(form.option, Path(path))

    def write(self, cases: Sequence[Case]) -> list[str]:
        """Write all of them.

        Returns:
            A line for each that could not be written.
        """
        problems = []
        for form, path in self._asked():
            content = form.write[form.ending(path)](cases)
            try:
                _write(path, content)
            except OSError as error:
                problems.append(_why(form.option, path, error))
        return problems

    def _asked(self) -> list[tuple[Format, str]]:
        return [(form, self.paths[form.option]) for form in FORMATS if form.option in self.paths]


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option of every format; ``command`` gets them together as ``outputs``."""

    @functools.wraps(command)
    def with_outputs(**arguments: Any) -> Any:
        given = {form.option: arguments.pop(form.option) for form in FORMATS}
        return command(outputs=Outputs({name: path for name, path in given.items() if path}), **arguments)

    decorated: Callable[..., Any] = with_outputs
    for form in reversed(FORMATS):
        decorated = click.option(f"--{form.option}", metavar="FILE", help=form.help)(decorated)
    return decorated


def tell_github(cases: Sequence[Case]) -> None:
    """Annotate, where GitHub Actions runs us: it reads commands from stderr as well, and stdout is for answers."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    click.echo(annotations(cases), nl=False, err=True)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(step_summary(cases))
        except OSError as error:
            click.echo(f"nova-async: {_why('GITHUB_STEP_SUMMARY', summary, error)}", err=True)


def _check_writable(option: str, path: Path) -> None:
    """Look, and leave no empty file behind if the run is interrupted."""
    try:
        if path.is_dir():
            raise UsageError(f"--{option} {path}: it is a folder")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"--{option} {path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            raise UsageError(f"--{option} {path}: it may not be written")
    except OSError as error:  # a name that no file can have
        raise UsageError(_why(option, str(path), error)) from None


def _write(path: str, content: str | bytes) -> None:
    # A name of a file may hold bytes that are no text.
    data = content.encode(errors="replace") if isinstance(content, str) else content
    if path != STDOUT:
        Path(path).write_bytes(data)
    else:
        click.echo(data.decode(), nl=False)  # of the formats that are text, see check


def _why(option: str, path: str, error: OSError) -> str:
    name = option if option.isupper() else f"--{option}"
    return f"{name} {path}: {error.strerror or error}"
