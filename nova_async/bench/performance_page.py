"""The numbers of ``docs/performance.md``, from the saved run beside it.

::

    nova-async bench explorer hazards --save new.json
    python -m nova_async.bench.performance_page docs new.json

puts the benches of ``new.json`` into ``docs/performance/bench.json``, in place of those of the same name, and writes
the bars and the tables of the page anew; without a file, only the page. The prose stays as it is. A test holds that the
page says what the saved run has.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nova_async.bench import orders
from nova_async.bench.figure import Figure, Goal
from nova_async.bench.hazards import EXECUTIONS, FOUND, MILLISECONDS, SECONDS, WHOLE, summary_name, time_name
from nova_async.bench.saved import Key, figures_of, load
from nova_async.bench.show import goal_line, number
from nova_async.errors import UsageError
from nova_async.explore.strategies import STRATEGIES

PAGE, SAVED = "performance.md", "performance/bench.json"
BEGIN = "<!-- Made by `python -m nova_async.bench.performance_page docs`; do not edit. -->"
END = "<!-- Until here. -->"
NEXT = "## Where the time goes"
"""The tables stand before it."""

_BARS = re.compile(r"(^- (met|MISSED): .*\n)+", re.MULTILINE)

Document = Mapping[str, Any]


def renewed(page: str, document: Document) -> str:
    """The page with the bars and the tables of a saved run."""
    page = _BARS.sub(lambda _: "".join(f"- {goal_line(goal)}\n" for goal in goals_of(document)), page, count=1)
    parts = [part for part in (_states(document), _first_bugs(document)) if part]
    if BEGIN not in page:
        page = page.replace(NEXT, f"{BEGIN}\n{END}\n\n{NEXT}") if parts else page
    fresh = "\n\n".join([BEGIN, *parts, END])
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: fresh, page, flags=re.DOTALL)


def goals_of(document: Document) -> Iterator[Goal]:
    """Every bar of a saved run."""
    for bench in document["benches"]:
        for entry in bench["goals"]:
            yield Goal(**{name: value for name, value in entry.items() if name != "met"})


def merged(document: Document, newer: Document) -> Document:
    """All benches of both; those that both have, from the newer one.

    Raises:
        UsageError: they are of two machines, or two Pythons: such numbers do not belong on one page.
    """
    if document["machine"] != newer["machine"]:
        raise UsageError(f"the new run is of {newer['machine']}, and the saved one of {document['machine']}")
    benches = {bench["name"]: bench for each in (document, newer) for bench in each["benches"]}
    both = {**document, "benches": list(benches.values())}
    return {**both, "ok": all(goal.met for goal in goals_of(both))}


def _states(document: Document) -> str:
    """States against orders; empty if the run has none."""
    figures = _figures(document, "explorer")
    rows = dict.fromkeys((name, size) for name, size, _ in figures if name.startswith(orders.PREFIX))
    if not rows:
        return ""
    units = (orders.STATES, orders.ORDERS, orders.ESTIMATED)
    lines = [
        [name.removeprefix(orders.PREFIX), str(size), *(_number(figures.get((name, size, unit))) for unit in units)]
        for name, size in rows
    ]
    return f"## States against orders\n\n{_table(['program', 'size', *units], lines)}"


def _first_bugs(document: Document) -> str:
    """Executions and ms to the first bug; empty if the run has none."""
    figures = _figures(document, "hazards")
    columns = [f"{EXECUTIONS} {strategy}" for strategy in STRATEGIES]
    rows = dict.fromkeys((name, size) for name, size, unit in figures if unit in columns)
    if not rows:
        return ""
    lines = [[name, *(_sight(figures, name, size, strategy) for strategy in STRATEGIES)] for name, size in rows]
    size = next(size for _, size in rows)
    sums = [
        [f"**{label}**", *(_number(figures.get((summary_name(strategy), size, unit))) for strategy in STRATEGIES)]
        for label, unit in (("found", FOUND), ("shown whole", WHOLE), ("seconds for all", SECONDS))
    ]
    said = f"Executions, and ms of processor time, until the first finding that is expected; at most {size}."
    return f"## To the first bug\n\n{said}\n\n{_table(['hazard', *STRATEGIES], [*lines, *sums])}"


def _sight(figures: Mapping[tuple[str, int, str], Figure], name: str, size: int, strategy: str) -> str:
    """``4, 5.6 ms``, or a dash if it was not found."""
    executions = figures.get((name, size, f"{EXECUTIONS} {strategy}"))
    milliseconds = figures.get((time_name(name), size, f"{MILLISECONDS} {strategy}"))
    if executions is None or milliseconds is None:
        return "-"
    return f"{_number(executions)}, {_number(milliseconds)} ms"


def _figures(document: Document, bench: str) -> dict[tuple[str, int, str], Figure]:
    every: Mapping[Key, Figure] = figures_of(document)
    return {(name, size, unit): figure for (of, name, size, unit), figure in every.items() if of == bench}


def _number(figure: Figure | None) -> str:
    return "-" if figure is None else number(figure.median, 3)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def main(folder: str, *files: str) -> None:
    """Put the benches of ``files`` into the saved run in ``folder``, and write the page."""
    saved, page = Path(folder) / SAVED, Path(folder) / PAGE
    document = load(saved)
    for file in files:
        document = merged(document, load(Path(file)))
    if files:
        saved.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    page.write_text(renewed(page.read_text(encoding="utf-8"), document), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
