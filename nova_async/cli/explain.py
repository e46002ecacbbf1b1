"""``nova-async explain``."""

import click
from rich.markdown import Markdown

from nova_async.cli.command import Verb
from nova_async.cli.completers import complete_code
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers
from nova_async.rules import rule


@click.command("explain", cls=Verb, examples=["explain NOVA203", "explain fence-path-lock-held-across-reclaim"])
@click.argument("code", metavar="CODE", shell_complete=complete_code)
def command(*, code: str) -> int:
    """The rule behind a finding code: why it exists, a bad and a good example."""
    explained = rule(code)
    console = answers()
    if console.is_terminal:
        console.print(Markdown(explained.text))
    else:
        click.echo(explained.text.rstrip())
    return ExitCode.OK
