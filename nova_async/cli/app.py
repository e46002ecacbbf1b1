"""Verbs, errors and exit codes."""

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from nova_async import __version__
from nova_async.cli.command import write_examples
from nova_async.cli.exit_code import ExitCode
from nova_async.errors import UsageError

VERBS = {
    "list": "Scenarios with their question and expectation.",
    "run": "Run scenarios and compare what is found with what they expect.",
    "explore": "Drive scenarios through their schedules, and print the simplest that breaks them.",
    "replay": "Run one recorded schedule again.",
    "litmus": "Feed a lock sequence to the checker.",
    "locks": "The driver's lock table, and whether the scenarios keep to it.",
    "explain": "A rule: why it exists, a bad and a good example.",
    "selftest": "The self-tests of the driver on the model of every chip, as KTAP.",
    "bench": "Measure, and compare with others and with what is possible.",
    "completion": "The script that makes the Tab key complete, for bash, zsh and fish.",
}
"""Every verb and its one line of help. The module of the same name beside this one has its ``command``."""

EXAMPLES = (
    "run",
    "run scenarios/ -k 'submitters and not reclaim' --backend trio",
    "explore scenarios/opposite_order.py",
    "list",
    "litmus 'E(A) E(B) -B -A ; E(B) E(A)'",
    "explain NOVA203",
)


_WRITE_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)
HOW_TO_REPORT = "please open an issue with the command line and the traceback above"


class Verbs(click.Group):
    """The verbs, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """In the order of the table, which is the order of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The ``command`` of the verb's module."""
        if cmd_name not in VERBS:
            if ctx.resilient_parsing:  # the Tab key after a mistake: nothing to offer, and nothing to say
                return None
            raise UsageError.unknown("verb", cmd_name, VERBS)
        command: click.Command = importlib.import_module(f"nova_async.cli.{cmd_name}").command
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then what click prints."""
        write_examples(formatter, EXAMPLES)
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """From the table, so that help imports no verb."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, subcommand_metavar="VERB [ARGS]…")
@click.version_option(__version__, "--version", prog_name="nova-async")
def app() -> None:
    """The memory manager of nova-core, shared by many, checked."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        args: the arguments; those of the process if ``None``.
    """
    try:
        code = _call(args)
        if sys.stdout is not None:  # as it is where the caller has closed it
            sys.stdout.flush()  # what cannot be written must not come up when the interpreter ends
    except BrokenPipeError:
        _forget_stdout()
        return ExitCode.UNMET  # what click and rich end with themselves where they meet it first
    except OSError as error:
        _forget_stdout()
        return _say(f"stdout: {error.strerror or error}", ExitCode.USAGE)
    return code


def _call(args: Sequence[str] | None) -> int:
    try:
        result: Any = app.main(args=args, prog_name="nova-async", standalone_mode=False)
    except (UsageError, click.ClickException) as error:
        return _say_usage(error)
    except OSError as error:
        if _is_about_stdout(error):
            raise
        return _say_bug()
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", ExitCode.INTERRUPTED)
    except Exception:  # noqa: BLE001  the last line of defence
        return _say_bug()
    return int(result or ExitCode.OK)


def _is_about_stdout(error: OSError) -> bool:
    """Whether writing failed: files that were asked for by name have their own errors, with that name."""
    return error.filename is None and isinstance(error.errno, int) and error.errno in _WRITE_ERRORS


def _forget_stdout() -> None:
    """Let what is left in the buffer go nowhere, as Python's documentation on SIGPIPE has it."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, io.UnsupportedOperation):  # stdout is no file, or is closed
        return


def _say_bug() -> int:
    import traceback  # a fifth of what --version takes to start, for what should never be needed

    traceback.print_exc()
    return _say(f"this is a bug of nova-async {__version__}; {HOW_TO_REPORT}", ExitCode.OUR_BUG)


def _say_usage(error: UsageError | click.ClickException) -> int:
    if isinstance(error, UsageError):
        return _say(str(error), ExitCode.USAGE)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see {context.command_path} -h)" if context else ""
    return _say(message + hint, ExitCode.USAGE)


def _say(message: str, code: ExitCode) -> int:
    click.echo(f"nova-async: {message}", err=True)
    return code
