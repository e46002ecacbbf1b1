"""Measurements that compare: ours with others and with what is possible, side by side in one run.

Each bench is a module of this package with ``run``; the table below names them all::

    figure    a median with its spread, and its ratio to something
    turns     A B A B, for as long as there is time
    budget    how many rounds fit into the time there is
    show      reports as a table and as JSON
    saved     reports as a file, and what got slower since
    plot      cost against size as a page, with the fitted exponents
    hunt      one scenario, explored until it has shown what it expects
    peers     explorers of others, on the same programs; peer_process runs them
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from nova_async.bench.figure import Report
from nova_async.errors import UsageError

BENCHES = {
    "explorer": "steps and executions of the explorer, beside bare coroutines, asyncio and the published optimum",
    "hazards": "executions and time to the first bug by strategy, on every hazard that is a scenario",
    "stateful": "every order of tasks on real mutexes with the checker on: states, seconds and memory",
    "checker": "what the validator costs a live run, and whether that grows with classes and acquisitions",
    "mapping": "MMIO transactions and time per mapped page, against the published algorithms and the lower bound",
    "designs": "four ways to lock an address space, in virtual time: throughput and waiting of 1 to 64 clients",
    "live": "operations, latency, memory and fairness of 10 to 10,000 live clients, on asyncio and trio",
    "startup": "what it takes to start: the command line and pytest, beside Python itself",
}
"""Every bench and its one line."""


MAX_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a bench is told.

    Attributes:
        max_seconds: about how long it may take.
        step: called with a line before each part, for a progress display.
        peers: measure the explorers of others as well, where they are installed.
    """

    max_seconds: float = MAX_SECONDS
    step: Callable[[str], None] = lambda line: None  # noqa: ARG005  nobody listens
    peers: bool = False


def run(name: str, settings: Settings) -> Report:
    """Run one bench.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in BENCHES:
        raise UsageError.unknown("bench", name, BENCHES)
    report: Report = importlib.import_module(f"nova_async.bench.{name}").run(settings)
    return report
