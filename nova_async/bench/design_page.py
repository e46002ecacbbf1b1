"""The table and the plot of ``docs/explanation/lock-designs.md``, from the bench ``designs``.

``python -m nova_async.bench.design_page docs/explanation`` writes them (``make docs``); the prose stays as it is. A
test holds that the numbers are fresh.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from nova_async.bench import Settings
from nova_async.bench.designs import CLIENTS, FENCE_WAIT, OWN, SHARED, SPACES, THROUGHPUT, UNITS, figure_name, run
from nova_async.bench.figure import Report
from nova_async.bench.line_chart import Chart, svg
from nova_async.mm.designs import DESIGNS

PAGE, PLOT = "lock-designs.md", "lock-designs.svg"
BEGIN, END = "<!-- Made by `make docs`; do not edit. -->", "<!-- Until here. -->"
NO_LIMIT = Settings(max_seconds=float("inf"))

Values = dict[tuple[str, int, str], float]
"""By name, number of clients, and unit."""


def values_of(report: Report) -> Values:
    """The figures of a report."""
    return {(figure.name, figure.size, figure.unit): figure.median for figure in report.figures}


def rows(values: Values, clients: int) -> list[str]:
    """The lines of the table for one number of clients, one for each design."""
    return [
        f"| {clients} | {design} | "
        + " | ".join(cell(values[figure_name(design, spaces), clients, unit]) for spaces in SPACES for unit in UNITS)
        + " |"
        for design in DESIGNS
    ]


def cell(value: float) -> str:
    """As the table has it."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def table(values: Values, clients: Sequence[int] = CLIENTS) -> str:
    """The whole table."""
    head = ["clients", "design", *(f"{unit}, {spaces}" for spaces in SPACES for unit in UNITS)]
    rule = ["---:", "---", *("---:" for _ in head[2:])]
    lines = [f"| {' | '.join(line)} |" for line in (head, rule)]
    return "\n".join([*lines, *(line for count in clients for line in rows(values, count))])


def plot(values: Values, clients: Sequence[int] = CLIENTS) -> str:
    """Throughput and waiting against the number of clients, with one address space and with one each."""
    charts = [
        Chart(f"{unit}, {spaces}", "clients", _lines(values, spaces, unit, clients), log_y=unit == FENCE_WAIT)
        for spaces in (SHARED, OWN)
        for unit in (THROUGHPUT, FENCE_WAIT)
    ]
    return svg(charts)


def _lines(values: Values, spaces: str, unit: str, clients: Sequence[int]) -> dict[str, list[tuple[float, float]]]:
    """A line for each design; nobody waits alone, and 0 is nowhere on a logarithmic axis."""
    return {
        design: [(count, value) for count in clients if (value := values[figure_name(design, spaces), count, unit])]
        for design in DESIGNS
    }


def renewed(page: str, values: Values) -> str:
    """The page with a fresh table between the two marks."""
    fresh = f"{BEGIN}\n\n{table(values)}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: fresh, page, flags=re.DOTALL)


def main(folder: str) -> None:
    """Measure, and write both into ``folder``."""
    values = values_of(run(NO_LIMIT))
    page = Path(folder) / PAGE
    page.write_text(renewed(page.read_text(encoding="utf-8"), values), encoding="utf-8")
    (Path(folder) / PLOT).write_text(plot(values), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
