"""A line chart as SVG: plain text, the same bytes every time, readable on light and dark pages."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 44
COLOURS = ("#fda29b", "#912018", "#1849a9", "#6ce9a6")
DASHES = ("", "7 4", "2 3", "")
STROKES = (6, 2, 2, 6)
"""Wide lines are drawn first, so that a narrow one on top of them shows."""
LEGEND_LINE = 20
COLUMNS = 2

Series = Mapping[str, Sequence[tuple[float, float]]]
"""(x, y) by name of the line, ascending in x; neither is 0 or less on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One panel.

    Attributes:
        title: above it; says what is up, with its unit.
        x: what is across.
        series: the lines.
        log_y: whether a step upwards is a factor. Across it always is: sizes double.
    """

    title: str
    x: str
    series: Series
    log_y: bool = False


def svg(charts: Sequence[Chart]) -> str:
    """The panels two by two, with one legend below for all; lines of one name look alike."""
    names = list(dict.fromkeys(name for chart in charts for name in chart.series))
    bottom = HEIGHT * -(-len(charts) // COLUMNS)
    width, height = WIDTH * COLUMNS, bottom + LEGEND_LINE * len(names) + 8
    body = [
        _panel(chart, number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT, names)
        for number, chart in enumerate(charts)
    ]
    body += [_legend(name, index, bottom + 8 + LEGEND_LINE * index) for index, name in enumerate(names)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *body, "</svg>", ""])


def _panel(chart: Chart, left: int, top: int, names: Sequence[str]) -> str:
    points = [point for line in chart.series.values() for point in line]
    across = _Scale(*_ends(x for x, _ in points), LEFT, WIDTH - RIGHT, log=True)
    low, high = _ends(y for _, y in points)
    up = _Scale(low if chart.log_y else 0.0, high, HEIGHT - BOTTOM, TOP, log=chart.log_y)
    parts = [
        f'<g transform="translate({left} {top})">',
        _text(LEFT, TOP - 14, chart.title, weight="bold"),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, chart.x, anchor="middle"),
    ]
    parts += [
        _text(across.at(x), HEIGHT - BOTTOM + 16, f"{x:g}", anchor="middle") for x in sorted({x for x, _ in points})
    ]
    for y in up.ticks():
        parts.append(f'<path d="M{LEFT} {up.at(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, up.at(y) + 4, f"{y:g}", anchor="end"))
    for name, line in sorted(chart.series.items(), key=lambda item: -_stroke(names.index(item[0]))):
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" {_look(names.index(name))}/>')
    return "\n".join([*parts, "</g>"])


def _legend(name: str, index: int, y: int) -> str:
    return f'<path d="M{LEFT} {y}h36" {_look(index)}/>\n' + _text(LEFT + 44, y + 4, name)


def _look(index: int) -> str:
    dash = DASHES[index % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[index % len(COLOURS)]}" stroke-width="{_stroke(index)}"{dashes}'


def _stroke(index: int) -> int:
    return STROKES[index % len(STROKES)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="#222" font-weight="{weight}">{escape(text)}</text>'


def _ends(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a value to a coordinate."""

    low: float
    high: float
    start: float
    stop: float
    log: bool

    def at(self, value: float) -> float:
        """Where a value is."""
        low, high, value = (math.log(each) if self.log else each for each in (self.low, self.high, value))
        part = (value - low) / (high - low) if high > low else 0.0
        return self.start + part * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round numbers between both ends: powers of ten and three times these, or about five steps."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            return [t for d in decades for t in (10.0**d, 3 * 10.0**d) if self.low <= t <= self.high]
        step = 10 ** math.floor(math.log10(self.high / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if self.high / (step * factor) <= 6)
        return [step * index for index in range(math.floor(self.high / step) + 1)]
