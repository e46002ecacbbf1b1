"""The report of one finding, for people: a pure function of the finding.

From top to bottom: which rule and what happened; what the task held and since where; the chain of steps that leads to
the trouble, each with whoever took it first; what could go wrong, one column for each task; what to do.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from nova_async.findings import Finding, Witness

_INDENT = "    "


def splat(finding: Finding) -> str:
    """The report, without a final newline."""
    lines = [f"{finding.code} {finding.slug} ({finding.severity})", f"  {finding.message}"]
    for title, block in _blocks(finding):
        lines += ["", f"  {title}", *(f"{_INDENT}{line}".rstrip() for line in block)]
    lines += [
        "",
        *([f"  advice: {finding.advice}"] if finding.advice else []),
        f"  explain: nova-async explain {finding.code}",
    ]
    if finding.token:
        lines.append(f"  replay token: {finding.token}")
    return "\n".join(lines)


def _blocks(finding: Finding) -> Iterator[tuple[str, list[str]]]:
    for task, held in groupby(finding.held, key=attrgetter("task")):
        yield f"{task}'s locks and contexts, oldest first:", _held(held)
    if len(finding.chain) > 1:
        yield "the chain, each step as it was first seen:", _chain(finding.chain)
    elif finding.chain and finding.chain[0].sites:
        yield "it happened:", _sites(finding.chain[0])
    if finding.columns:
        yield "what could go wrong:", _scenario(finding.columns)


def _sites(witness: Witness) -> list[str]:
    return [f"{'at' if not position else 'by'} {site}" for position, site in enumerate(witness.sites)]


def _held(held: Iterable[Witness]) -> list[str]:
    lines = []
    for number, witness in enumerate(held):
        lines.append(f"#{number} {witness.did}")
        lines += [f"{_INDENT}{site}" for site in _sites(witness)]
    return lines


def _chain(chain: tuple[Witness, ...]) -> list[str]:
    lines = []
    for witness in chain:
        lines.append(f"{witness.did}, by {witness.task}" if witness.task else witness.did)
        lines += [f"{_INDENT}{site}" for site in _sites(witness)]
    return lines


def _scenario(rows: tuple[tuple[str, str], ...]) -> list[str]:
    """Time goes down; each task has a column."""
    tasks = list(dict.fromkeys(task for task, _ in rows))
    widths = [max(len(task), *(len(step) for who, step in rows if who == task)) for task in tasks]

    def line(cells: list[str]) -> str:
        return "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return [
        line(tasks),
        line(["-" * width for width in widths]),
        *(line([step if who == task else "" for task in tasks]) for who, step in rows),
        "*** deadlock ***",
    ]
