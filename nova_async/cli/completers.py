"""What the Tab key offers for the arguments of verbs.

Nothing is imported for it that takes long: scenario files are read, not run.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from nova_async.findings import SLUGS

_SCENARIO = re.compile(r"^@scenario\b(?:(?!^async def ).)*^async def (\w+)", re.MULTILINE | re.DOTALL)


def complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, which the shell completes itself; after ``::``, the scenarios of the file.

    bash makes three words of ``x.py::name``, as the colon ends a word there; zsh and fish make one.
    """
    before = [str(word) for word in ctx.params.get(param.name or "") or ()]
    if incomplete == "::" and before:
        return _items(_scenarios_of(before[-1]))
    if before[-1:] == ["::"]:
        return _items(_scenarios_of("".join(before[-2:-1])), incomplete)
    path, colons, name = incomplete.partition("::")
    if colons:
        return [CompletionItem(f"{path}::{each}") for each in _scenarios_of(path) if each.startswith(name)]
    return [CompletionItem(incomplete, type="file")]


def complete_code(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  click's signature
    """Finding codes, each with its readable name."""
    return [CompletionItem(code, help=slug) for code, slug in SLUGS.items() if code.startswith(incomplete.upper())]


def complete_chip(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  click's signature
    """Names of chips."""
    from nova_async.hw.chipset import CHIPSETS  # explain and run need it not

    return _items(CHIPSETS, incomplete.upper())


def _items(names: Iterable[str], start: str = "") -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(start)]


def _scenarios_of(path: str) -> list[str]:
    try:
        return _SCENARIO.findall(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
