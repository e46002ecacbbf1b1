"""A run of the bench as a file, and what got slower since.

Two runs are two moments of a machine, or two machines: where a figure has a comparison in its own run, the ratios are
what is compared. Of the times without one, the median of all changes is taken to be the machine's. What is farther
apart than both spreads reach counts; a single round has no spread, and is not compared.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from nova_async.bench.figure import Figure, Report
from nova_async.bench.show import SCHEMA, number
from nova_async.errors import UsageError

LEAST = 0.15
"""A change of less is never told: with few rounds a spread can be small by luck."""

TIMES = ("s", "ms", "µs", "ns")

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


Pair = tuple[str, Figure, Figure]
"""Bench, a figure now, and the same before."""


def slower(reports: Iterable[Report], before: Mapping[Key, Figure]) -> Iterator[Slower]:
    """What got worse by more than the noise and the machine, in the order of the reports."""
    pairs = list(_pairs(reports, before))
    machine = _machine(pairs)
    for bench, now, then in pairs:
        found = _compare(bench, now, then, machine)
        if found is not None:
            yield found


def machine_change(reports: Iterable[Report], before: Mapping[Key, Figure]) -> float:
    """How many times as slow the machine is: the median change of the times without a comparison of their own."""
    return _machine(list(_pairs(reports, before)))


def _pairs(reports: Iterable[Report], before: Mapping[Key, Figure]) -> Iterator[Pair]:
    for report in reports:
        for figure in report.figures:
            then = before.get((report.bench, figure.name, figure.size, figure.unit))
            if then is not None and figure.rounds > 1 and then.rounds > 1 and figure.median and then.median:
                yield report.bench, figure, then


def _machine(pairs: Iterable[Pair]) -> float:
    changes = [_worse(now, now.median, then.median) for _, now, then in pairs if _is_time(now) and now.ratio is None]
    return median(changes) if changes else 1.0


def _is_time(figure: Figure) -> bool:
    return figure.unit.endswith(PER_SECOND) or figure.unit.replace("/", " ").split()[0] in TIMES


def _worse(figure: Figure, now: float, before: float) -> float:
    return before / now if figure.unit.endswith(PER_SECOND) else now / before


def _compare(bench: str, now: Figure, before: Figure, machine: float) -> Slower | None:
    by_ratio = now.ratio is not None and before.ratio is not None and now.against == before.against
    (new, new_spread), (old, old_spread) = (_value(figure, by_ratio=by_ratio) for figure in (now, before))
    if not new or not old:
        return None
    change = _worse(now, new, old) / (machine if _is_time(now) and not by_ratio else 1.0)
    noise = (new_spread / new) + (old_spread / old)
    if change <= 1 + max(LEAST, noise):
        return None
    return Slower(bench, now, before, change, by_ratio)


def _value(figure: Figure, *, by_ratio: bool) -> tuple[float, float]:
    if by_ratio and figure.ratio is not None:
        return figure.ratio, figure.ratio_spread
    return figure.median, figure.spread
