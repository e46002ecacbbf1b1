"""The options that verbs share."""

import click

from nova_async.cli.completers import complete_target


def read_seed(ctx: click.Context, param: click.Parameter, value: str) -> int:  # noqa: ARG001  click's signature
    """A non-negative integer, decimal or hexadecimal.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        seed = int(value, 0)
    except ValueError:
        seed = -1
    if seed < 0:
        raise click.BadParameter(f"{value!r} is no seed; expected a whole number such as 7 or 0x1f")
    return seed


targets = click.argument("targets", nargs=-1, metavar="[PATH[::NAME]]…", shell_complete=complete_target)
settings = click.option(
    "settings", "-p", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the scenario; repeatable."
)
backend = click.option(
    "--backend", type=click.Choice(["asyncio", "trio"]), default="asyncio", show_default=True, help="The event loop."
)
seed = click.option(
    "--seed", callback=read_seed, metavar="N", default="0", show_default=True, help="Of everything chosen by chance."
)
keyword = click.option(
    "keyword", "-k", default="", metavar="EXPR", help="Only scenarios whose name matches: words, and, or, not, ( )."
)
lock_stat = click.option(
    "lock_stat", "--lock-stat", is_flag=True, help="Measure who waits for which lock, and how long it is held."
)
exit_first = click.option("exit_first", "-x", is_flag=True, help="Stop at the first scenario that is not met.")
quiet = click.option("-q", "--quiet", count=True, help="Say less: no table.")
verbose = click.option("-v", "--verbose", count=True, help="Say more: expected findings, tracebacks, logs; -vv: debug.")
as_json = click.option("as_json", "--json", is_flag=True, help="One JSON document on stdout.")
no_progress = click.option("--no-progress", is_flag=True, help="No progress bar, even on a terminal.")
