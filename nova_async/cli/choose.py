"""Targets and ``-k`` in, scenarios out."""

import click

from nova_async.cli.exit_code import ExitCode
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import DEFAULT_FOLDER, discover
from nova_async.scenario.selection import select


def chosen(targets: tuple[str, ...], keyword: str) -> list[Scenario]:
    """The scenarios that the arguments name.

    Raises:
        UsageError: a target does not exist or does not import, or ``keyword`` is no expression.
    """
    return select(discover(targets), keyword)


def nothing_selected(targets: tuple[str, ...], keyword: str) -> ExitCode:
    """Say so on stderr."""
    where = " ".join(targets) or DEFAULT_FOLDER
    matching = f" that matches -k {keyword!r}" if keyword else ""
    click.echo(f"nova-async: no scenario in {where}{matching}; nova-async list shows what there is", err=True)
    return ExitCode.NOTHING_SELECTED
