"""Measurements that compare: ours with others and with what is possible, side by side in one run.

Each bench is a module of this package with ``run``; the table below names them all::

    figure    a median with its spread, and its ratio to something
    budget    how many rounds fit into the time there is
    show      reports as a table and as JSON
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from nova_async.bench.figure import Report
from nova_async.errors import UsageError

BENCHES = {
    "checker": "what the validator costs a live run, and whether that grows with classes and acquisitions",
    "mapping": "MMIO transactions and time per mapped page, against the published algorithms and the lower bound",
}
"""Every bench and its one line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a bench is told.

    Attributes:
        max_seconds: about how long it may take.
        step: called with a line before each part, for a progress display.
    """

    max_seconds: float = 90.0
    step: Callable[[str], None] = lambda line: None  # noqa: ARG005  nobody listens


def run(name: str, settings: Settings) -> Report:
    """Run one bench.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in BENCHES:
        raise UsageError.unknown("bench", name, BENCHES)
    report: Report = importlib.import_module(f"nova_async.bench.{name}").run(settings)
    return report
