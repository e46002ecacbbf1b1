"""Reports as a table and as JSON: pure functions."""

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict

from rich import box
from rich.table import Table
from rich.text import Text

from nova_async.bench.figure import Figure, Goal, Report

SCHEMA = "nova.bench/1"
NAME_WIDTH = 33
"""Names up to here are not folded; the heads of columns are, before."""
TOO_LONG = 1e12
"""From here on a number is written with an exponent."""


def tables(report: Report) -> list[Table]:
    """One for all figures that have units in common."""
    return [_table(report.bench, [each for each in report.figures if each.unit in units]) for units in _columns(report)]


def _columns(report: Report) -> list[set[str]]:
    """The units of each table: two that one name has are in the same."""
    units_of: dict[str, set[str]] = {}
    for figure in report.figures:
        units_of.setdefault(figure.name, set()).add(figure.unit)
    tables: list[set[str]] = []
    for units in units_of.values():
        apart = [table for table in tables if not table & units]
        tables = [*apart, units.union(*(table for table in tables if table & units))]
    order = list(dict.fromkeys(figure.unit for figure in report.figures))
    return sorted(tables, key=lambda table: min(map(order.index, table)))


def _table(bench: str, figures: list[Figure]) -> Table:
    """A row for each name and size, a column for each unit; a cell has the median, its spread, and the ratio."""
    units = list(dict.fromkeys(figure.unit for figure in figures))
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    longest = max((len(figure.name) for figure in figures), default=0)
    shown.add_column(bench, overflow="fold", min_width=min(longest, NAME_WIDTH))
    shown.add_column("size", justify="right", no_wrap=True)
    for unit in units:
        shown.add_column(unit, justify="right", overflow="fold")
    rows: dict[tuple[int, str], dict[str, Figure]] = {}
    for figure in figures:
        rows.setdefault((figure.size, figure.name), {})[figure.unit] = figure
    last = None
    for (size, name), cells in rows.items():
        if last not in (None, size):
            shown.add_section()
        last = size
        shown.add_row(Text(name), str(size), *(cell(cells.get(unit)) for unit in units))
    return shown


def cell(figure: Figure | None) -> str:
    """``1.003 ±0.001 x7.2 ±0.3``, without a spread or ratio where there is none."""
    if figure is None:
        return ""
    spread = f" ±{number(figure.spread, 2)}" if figure.spread else ""
    ratio = f" x{number(figure.ratio, 3)}" if figure.ratio is not None else ""
    if ratio and figure.ratio_spread:
        ratio += f" ±{number(figure.ratio_spread, 2)}"
    return f"{number(figure.median, 4)}{spread}{ratio}"


def number(value: float, digits: int) -> str:
    """To so many digits, large ones in whole numbers."""
    return f"{value:.0f}" if 10**digits <= value < TOO_LONG else f"{value:.{digits}g}"


def closing_text(report: Report) -> str:
    """Goals, then notes, a line each."""
    return "\n".join([*(goal_line(goal) for goal in report.goals), *report.notes])


def goal_line(goal: Goal) -> str:
    """What was wanted, what came out, and whether that is enough."""
    spread = f" ±{number(goal.spread, 2)}" if goal.spread else ""
    bound = "at least" if goal.at_least else "at most"
    return f"{'met' if goal.met else 'MISSED'}: {goal.what}: {goal.value:.4g}{spread}, {bound} {goal.limit:g} wanted"


def document(reports: Iterable[Report]) -> dict[str, object]:
    """``nova.bench/1``: every bench that ran. ``ok`` means that no goal was missed."""
    ran = list(reports)
    ok = all(goal.met for report in ran for goal in report.goals)
    return {"schema": SCHEMA, "ok": ok, "machine": machine(), "benches": [_entry(report) for report in ran]}


def machine() -> dict[str, object]:
    """Where it was measured, as far as that says something about the figures."""
    version = platform.python_version()
    return {
        "python": f"{platform.python_implementation()} {version}",
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
    }


def _entry(report: Report) -> dict[str, object]:
    return {
        "name": report.bench,
        "figures": [asdict(figure) for figure in report.figures],
        "goals": [{**asdict(goal), "met": goal.met} for goal in report.goals],
        "notes": list(report.notes),
    }
