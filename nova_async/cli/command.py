"""Help that begins with examples."""

from collections.abc import Sequence
from typing import Any

import click


class Verb(click.Command):
    """A verb of the command line.

    Args:
        examples: command lines, without ``nova-async``, to show first.
    """

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then what click prints."""
        write_examples(formatter, self.examples)
        super().format_help(ctx, formatter)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """The examples as they would be typed."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"  nova-async {example}\n")
    formatter.write_paragraph()
