"""Cost against size as one HTML page that needs nothing else: log-log, with the fitted exponent of every line.

A pure function of the ``nova.bench/1`` document, so that a saved run can be drawn as well.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from statistics import fmean
from string import Template
from typing import Any

from nova_async.bench.figure import Figure, Goal
from nova_async.bench.saved import figures_of
from nova_async.bench.show import goal_line

_PAGE = files(__package__) / "page"


@dataclass(frozen=True, slots=True)
class Line:
    """One name in one unit.

    Attributes:
        name: of the figures.
        values: the median at each size of the chart; None where there is none.
        spreads: the spread at each size.
        exponent: of the power of the size that comes nearest; None if there is no telling.
    """

    name: str
    values: Sequence[float | None]
    spreads: Sequence[float]
    exponent: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """All lines of one bench in one unit.

    Attributes:
        bench: its name.
        unit: of the values.
        sizes: ascending.
        series: the lines, in the order of the report.
    """

    bench: str
    unit: str
    sizes: Sequence[int]
    series: Sequence[Line]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The slope of the line through the points' logarithms by least squares; None if there are fewer than two sizes."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    if len(set(xs)) < 2:
        return None
    x_mean, y_mean = fmean(xs), fmean(ys)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return slope / sum((x - x_mean) ** 2 for x in xs)


def charts(document: Mapping[str, Any]) -> Iterator[Chart]:
    """A chart for every bench and unit in which some figure has at least two sizes."""
    grouped: dict[tuple[str, str], dict[str, list[Figure]]] = {}
    for (bench, name, _, unit), figure in figures_of(document).items():
        if figure.median > 0:  # a logarithmic axis has no zero
            grouped.setdefault((bench, unit), {}).setdefault(name, []).append(figure)
    for (bench, unit), lines in grouped.items():
        long = {name: line for name, line in lines.items() if len(line) > 1}
        if long:
            yield _chart(bench, unit, long)


def _chart(bench: str, unit: str, lines: Mapping[str, Sequence[Figure]]) -> Chart:
    sizes = sorted({figure.size for line in lines.values() for figure in line})
    return Chart(bench, unit, sizes, [_line(name, line, sizes) for name, line in lines.items()])


def _line(name: str, figures: Sequence[Figure], sizes: Sequence[int]) -> Line:
    by_size = {figure.size: figure for figure in figures}
    return Line(
        name,
        [by_size[size].median if size in by_size else None for size in sizes],
        [by_size[size].spread if size in by_size else 0.0 for size in sizes],
        exponent([figure.size for figure in figures], [figure.median for figure in figures]),
    )


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    data = json.dumps([asdict(chart) for chart in charts(document)], ensure_ascii=False)
    return Template(_read("page.html")).substitute(
        styles="\n".join(map(_read, ("uPlot.min.css", "style.css"))),
        scripts="\n".join(map(_read, ("uPlot.iife.min.js", "plot.js"))),
        machine=escape(", ".join(f"{key}: {value}" for key, value in document.get("machine", {}).items())),
        goals=_goals(document),
        licence=escape(_read("uPlot.LICENSE")),
        data=data.replace("</", "<\\/"),  # nothing in it may end the script
    )


def _goals(document: Mapping[str, Any]) -> str:
    goals = [_goal(entry) for bench in document["benches"] for entry in bench["goals"]]
    rows = "\n".join(f'<tr><td class="{_class(goal)}">{escape(goal_line(goal))}</td></tr>' for goal in goals)
    return f"<table>\n{rows}\n</table>" if rows else "<p>None.</p>"


def _goal(entry: Mapping[str, Any]) -> Goal:
    return Goal(**{name: value for name, value in entry.items() if name != "met"})


def _class(goal: Goal) -> str:
    return "met" if goal.met else "missed"


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")
