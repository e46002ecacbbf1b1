"""``nova-async completion``."""

import click
from click.shell_completion import get_completion_class

from nova_async.cli.command import Verb
from nova_async.cli.exit_code import ExitCode
from nova_async.errors import InternalError

PROGRAM = "nova-async"
VARIABLE = "_NOVA_ASYNC_COMPLETE"
"""Set by the script when it asks for completions; click derives the same name from that of the program."""

SHELLS = ("bash", "zsh", "fish")

_HELP = """Print the script that makes the Tab key complete verbs, options, scenarios and codes.

\b
bash  nova-async completion bash > ~/.local/share/bash-completion/completions/nova-async
zsh   nova-async completion zsh > ~/.zfunc/_nova-async    (a folder in fpath)
fish  nova-async completion fish > ~/.config/fish/completions/nova-async.fish
"""


@click.command(
    "completion",
    cls=Verb,
    help=_HELP,
    examples=["completion bash > nova-async.bash  # then: source nova-async.bash"],
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, *, shell: str) -> int:
    """The verb; its help is :data:`_HELP`."""
    kind = get_completion_class(shell)
    if kind is None:
        raise InternalError(f"click has no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
    return ExitCode.OK
