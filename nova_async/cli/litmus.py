"""``nova-async litmus``."""

import json
import re
import sys

import click

from nova_async.cli import options
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers
from nova_async.errors import UsageError
from nova_async.findings import Finding
from nova_async.lockdep import litmus
from nova_async.report.json import litmus_document
from nova_async.report.text import findings_text, litmus_closing_text

_PLACE = re.compile(r"litmus, (?:line (?P<line>\d+), )?column (?P<column>\d+): ")

STEPS = """\
E(A) R(A) r(A)     take A: exclusively, reading recursively, reading
?E(A) ?R(A) ?r(A)  the same, as a trylock that succeeds
E(A/1)             in subclass 1; E(B1 nest A1): nested under A1
spin(A)            a spinlock: nothing may sleep under it; ?spin(A) tries
-A                 release; reinit(A) initialises it again, free(A) frees it
alloc(KERNEL)      allocate; also NOFS, NOIO, NOWAIT, ATOMIC
wait               wait for a DMA fence
{signalling: ...}  a fence-signalling section
{reclaim: ...}     run by reclaim; {notifier: ...}: by an MMU notifier
{nofs: ...}        a scope for allocations; also noio, noreclaim
{H: ...} point(H)  a context of your own, and a wait for it
open(t) L(o,t)     wound/wait: open a context, lock with it; L(o): without
slow(o,t)          lock after a back-off; done(t), fini(t): close the context
end                the task ends here; locks still held are a finding"""
"""The notation of design section 7, for the help."""

_HELP = f"""Feed a lock sequence to the checker and print what it finds.

Steps are separated by spaces, and ; starts the next task. A and A1 are two locks: a name is a class, then a number.

\b
{STEPS}

"-" reads the sequence from stdin; one that begins with a dash comes after "--".
"""


@click.command(
    "litmus",
    cls=Verb,
    help=_HELP,
    examples=[
        "litmus 'E(A) E(B) -B -A ; E(B) E(A)'",
        "litmus -v 'E(vm) alloc(KERNEL) -vm ; {signalling: E(vm) -vm}'",
        "litmus - < sequence.txt",
        "litmus -- '-A'",
    ],
)
@click.argument("sequence", metavar="SEQUENCE")
@click.option("-v", "--verbose", is_flag=True, help="The whole report of every finding.")
@options.as_json
def command(*, sequence: str, verbose: bool, as_json: bool) -> int:
    """The verb; its help is :data:`_HELP`."""
    text = (sys.stdin.read() if sequence == "-" else sequence).strip()
    try:
        findings = litmus(text)
    except UsageError as error:
        return _say_mistake(text, str(error))
    if as_json:
        click.echo(json.dumps(litmus_document(text, findings), indent=2))
    else:
        _tell(findings, verbose=verbose)
    return ExitCode.UNMET if findings else ExitCode.OK


def _tell(findings: list[Finding], *, verbose: bool) -> None:
    console = answers()
    if findings:
        console.print(findings_text(findings, verbose=verbose), end="\n\n", soft_wrap=True)
    console.print(litmus_closing_text(findings, verbose=verbose), soft_wrap=True)


def _say_mistake(text: str, error: str) -> int:
    click.echo(f"nova-async: {error}", err=True)
    if text:
        click.echo(_pointed_at(text, error), err=True)
    return ExitCode.USAGE


def _pointed_at(text: str, error: str) -> str:
    """The line that the error names, and a caret below its column."""
    place = _PLACE.match(error)
    line, column = 1, 1
    if place is not None:
        line, column = int(place["line"] or 1), int(place["column"])
        if place["line"] is None:  # counted from the start of the text
            before = text[: column - 1]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    shown = text.split("\n")[line - 1].expandtabs(1)
    return f"  {shown}\n  {' ' * (column - 1)}^"
