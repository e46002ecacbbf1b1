"""``nova-async list``."""

import json

import click

from nova_async.cli import options
from nova_async.cli.choose import chosen, nothing_selected
from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.cli.terminal import answers, is_narrow, show
from nova_async.report.json import list_document
from nova_async.report.text import list_table


@click.command("list", cls=Verb, examples=["list", "list scenarios/ -k submitters", "list --json"])
@options.targets
@options.keyword
@options.as_json
def command(*, targets: tuple[str, ...], keyword: str, as_json: bool) -> int:
    """Scenarios with their one-line question and expectation.

    Without a PATH: the folder scenarios/ here, or else the copy that came with the package.
    """
    scenarios = chosen(targets, keyword)
    if not scenarios:
        return nothing_selected(targets, keyword)
    if as_json:
        click.echo(json.dumps(list_document(scenarios), indent=2))
        return ExitCode.OK
    console = answers()
    show(console, list_table(scenarios, compact=is_narrow(console)))
    return ExitCode.OK
