"""A run of the bench as a file, and what got slower since.

Two runs are two moments of a machine, or two machines: where a figure has a comparison in its own run, the ratios are
what is compared; a figure without one is compared as it is. What is farther apart than both spreads reach counts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nova_async.bench.figure import Figure, Report
from nova_async.bench.show import SCHEMA, number
from nova_async.errors import UsageError

LEAST = 0.1
"""A change of less is never told: with few rounds a spread can be small by luck."""

PER_SECOND = "/s"
"""The end of units of which more is better."""

Key = tuple[str, str, int, str]
"""Bench, name, size and unit."""


@dataclass(frozen=True, slots=True)
class Slower:
    """A figure that got worse.

    Attributes:
        bench: of which bench.
        figure: as it is now.
        before: as it was.
        change: how many times as much as before it takes now, or the other way round if more is better.
        by_ratio: the ratios to what they are compared with were compared.
    """

    bench: str
    figure: Figure
    before: Figure
    change: float
    by_ratio: bool

    def __str__(self) -> str:
        now, before = (self._shown(figure) for figure in (self.figure, self.before))
        what = f"{self.bench}: {self.figure.name}, size {self.figure.size}"
        return f"slower: {what}: {before} before, {now} now: {number(self.change, 3)} times as slow"

    def _shown(self, figure: Figure) -> str:
        if self.by_ratio and figure.ratio is not None:
            return f"x{number(figure.ratio, 3)} ±{number(figure.ratio_spread, 2)} of {figure.against}"
        return f"{number(figure.median, 4)} ±{number(figure.spread, 2)} {figure.unit}"


def load(path: Path) -> Mapping[str, Any]:
    """A document that ``--save`` wrote.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(f"{path}: no {SCHEMA} document; nova-async bench --save writes one")
    return document


def figures_of(document: Mapping[str, Any]) -> Mapping[Key, Figure]:
    """All figures of a saved document."""
    known = Figure.__dataclass_fields__
    found = {}
    for bench in document["benches"]:
        for entry in bench["figures"]:
            figure = Figure(**{name: value for name, value in entry.items() if name in known})
            found[bench["name"], figure.name, figure.size, figure.unit] = figure
    return found


def slower(reports: Iterable[Report], before: Mapping[Key, Figure]) -> Iterator[Slower]:
    """What got worse by more than the noise, in the order of the reports."""
    for report in reports:
        for figure in report.figures:
            old = before.get((report.bench, figure.name, figure.size, figure.unit))
            found = _compare(report.bench, figure, old) if old is not None else None
            if found is not None:
                yield found


def _compare(bench: str, now: Figure, before: Figure) -> Slower | None:
    by_ratio = now.ratio is not None and before.ratio is not None and now.against == before.against
    (new, new_spread), (old, old_spread) = (_value(figure, by_ratio=by_ratio) for figure in (now, before))
    if not new or not old:
        return None
    change = old / new if now.unit.endswith(PER_SECOND) else new / old
    if change <= 1 + LEAST or abs(new - old) <= new_spread + old_spread:
        return None
    return Slower(bench, now, before, change, by_ratio)


def _value(figure: Figure, *, by_ratio: bool) -> tuple[float, float]:
    if by_ratio and figure.ratio is not None:
        return figure.ratio, figure.ratio_spread
    return figure.median, figure.spread
