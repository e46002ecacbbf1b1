"""``docs/hazards-proven.md``: what the exploration of every hazard scenario came to.

``python -m nova_async.report.proofs docs/hazards-proven.md`` explores them all again, which takes minutes, and writes
the page; a nightly test does the same and holds the page against it. ``-k`` leaves out all but some::

    python -m nova_async.report.proofs - -k one_slot
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from nova_async.explore import Failure, Schedule
from nova_async.scenario import CLEAN
from nova_async.scenario.declare import Scenario
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Explored, Plan, explore_scenario
from nova_async.scenario.parameters import values_for

SIZES: Mapping[str, Mapping[str, str]] = MappingProxyType({"pays_for_everybody_ours": {"pages": "6", "words": "4"}})
"""Smaller than a scenario is by itself, but divided into as many holds of the window."""

BOUND = 10_000
"""Executions after which all trouble together counts as too much. A number, and not a time: the same everywhere."""
ONE_EACH = "one kill and one failure"
ONE_EACH_BOUND = 150_000
"""Executions after which one kill and one failure in an execution count as too much."""
PART_BOUND = 20_000
"""Executions after which one kind of trouble counts as too much."""

SHRINK_SECONDS = 5.0

KILLS = ("*",)
FAULTS = ("alloc", "mmio", "tlb")
ALL = "kills and failures"
PARTS: Mapping[str, Plan] = MappingProxyType(
    {
        "kills": Plan(kill=KILLS),
        "failed allocation": Plan(fail=("alloc",)),
        "no answer from memory": Plan(fail=("mmio",)),
        "no answer from the TLB": Plan(fail=("tlb",)),
    }
)
"""What is explored one by one where all of it together is too large."""


Proven = tuple[str, ...]
"""A row of the first table."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One exploration of one scenario of ours.

    Attributes:
        scenario: its name.
        size: the parameters that are not as the scenario has them.
        injected: what may go wrong at every point.
        explored: what came of it.
    """

    scenario: str
    size: str
    injected: str
    explored: Explored

    @property
    def row(self) -> tuple[str, ...]:
        """All but the time, which is another one every time."""
        result = self.explored.result
        complete = "complete" if result.complete else f"cut at {result.executions:,} executions"
        verdict = "clean" if self.explored.met else ", ".join((*self.explored.found, *self.explored.errors))
        counts = (f"{count:,}" for count in (result.executions, result.states, result.steps))
        return (f"`{self.scenario}`{self.size}", self.injected, complete, verdict, *counts)

    @property
    def proven(self) -> Proven:
        """The row with the time."""
        return (*self.row, f"{self.explored.result.elapsed:.1f}")


@dataclass(frozen=True, slots=True)
class Broken:
    """One finding of one broken form, with the schedule as it was found and as it was shrunk."""

    scenario: str
    code: str
    found: Schedule
    least: Schedule
    token: str

    @property
    def row(self) -> tuple[str, ...]:
        """Steps, and how often another task takes over."""
        pairs = ((each.steps, each.switches) for each in (self.found, self.least))
        numbers = (f"{len(steps)} ({switches})" for steps, switches in pairs)
        return (f"`{self.scenario}`", self.code, *numbers)


def hazards(folder: str, only: str = "") -> tuple[list[Scenario], list[Scenario]]:
    """Ours, and the broken forms."""
    chosen = [each for each in discover([folder]) if only in each.name]
    ours = [each for each in chosen if each.name.endswith("_ours")]
    return ours, [each for each in chosen if each.expect != CLEAN]


def prove(scenario: Scenario) -> Iterator[Proof]:
    """All trouble together, at most one failure, and one kill of each client; with one kill if that is too much.

    And if that is, each kind of trouble by itself.
    """
    together = Plan(kill=KILLS, fail=FAULTS, failures=1, max_executions=BOUND)
    for injected, plan in ((ALL, together), (ONE_EACH, replace(together, kills=1, max_executions=ONE_EACH_BOUND))):
        proof = _explored(scenario, injected, plan)
        yield proof
        if proof.explored.result.complete:
            return
    for injected, plan in PARTS.items():
        yield _explored(scenario, injected, replace(plan, max_executions=PART_BOUND))


def _explored(scenario: Scenario, injected: str, plan: Plan) -> Proof:
    settings = SIZES.get(scenario.name, {})
    size = "".join(f" {name}={value}" for name, value in settings.items())
    values = values_for(scenario.name, scenario.parameters, settings)
    explored = explore_scenario(scenario, values, plan, shrink_seconds=0)
    return Proof(scenario.name, size, injected, explored)


def shrunk(scenario: Scenario) -> list[Broken]:
    """The findings of a broken form in every order, each code once, with the simplest of their schedules."""
    values = values_for(scenario.name, scenario.parameters, {})
    explored = explore_scenario(scenario, values, Plan(), shrink_seconds=SHRINK_SECONDS)
    best: dict[str, Broken] = {}
    for first, simplest, token in zip(explored.result.failures, explored.failures, explored.tokens, strict=True):
        made = Broken(scenario.name, _code(simplest), first.schedule, simplest.schedule, token)
        if made.code not in best or made.least.simplicity < best[made.code].least.simplicity:
            best[made.code] = made
    return [best[code] for code in sorted(best)]


def _code(failure: Failure) -> str:
    return failure.finding.code if failure.finding is not None else failure.message


def page(proven: Iterable[Proven], broken: Iterable[Sequence[str]]) -> str:
    """Both tables."""
    columns = ("scenario", "injected", "orders", "verdict", "executions", "states", "steps", "seconds")
    least = ("scenario", "finding", "steps (switches) as found", "as shrunk")
    return "\n\n".join(
        (
            "# What is proven of the hazards",
            "<!-- Made by `python -m nova_async.report.proofs docs/hazards-proven.md`; do not edit. -->",
            INTRO,
            "## Ours",
            OURS,
            _table(columns, proven),
            "## The broken forms",
            BROKEN,
            _table(least, broken) + "\n",
        )
    )


INTRO = """\
Every hazard of [hazards.md](facts/hazards.md) that is true is a scenario in `scenarios/hazards`: as published, which
must give its finding, and ours, which must be clean. `nova-async list scenarios/hazards` tells what each of them
asks."""

OURS = f"""\
*Kills and failures*: every client may be killed once, at any point, and one allocation, access to video memory or TLB
invalidate may fail, any of them. *Complete* means that every order was covered, with a kill or a failure wherever one
can be. What was not done after {BOUND:,} executions was cut, and explored again with at most *one kill and one failure*
in an execution, for up to {ONE_EACH_BOUND:,}; if that was not enough, each kind of trouble by itself, for up to
{PART_BOUND:,}."""

BROKEN = """\
In every order, with nothing injected. Most of the sequences are forced, or take only one task, so that there is nothing
to leave out of them. `nova-async explore` prints a token for each that replays it."""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str]) -> None:
    """Explore, and write the page; ``-`` is standard output."""
    parser = argparse.ArgumentParser(prog="python -m nova_async.report.proofs")
    parser.add_argument("page", help="the file to write, or -")
    parser.add_argument("-k", default="", help="only scenarios with this in their name")
    given = parser.parse_args(arguments)
    ours, broken = hazards("scenarios/hazards", given.k)
    proofs: list[Proven] = []
    for scenario in ours:
        for proof in prove(scenario):
            proofs.append(proof.proven)
            sys.stderr.write(" ".join(proof.proven) + " s\n")
    text = page(proofs, [each.row for scenario in broken for each in shrunk(scenario)])
    if given.page == "-":
        sys.stdout.write(text)
    else:
        Path(given.page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
