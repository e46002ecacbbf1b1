"""How long each strategy takes to find what is wrong with the published code, on every hazard that is a scenario.

A finding counts if the scenario expects it. Most scenarios of ``scenarios/hazards`` force the order that shows their
hazard, as they are to answer in one live run as well. Those that leave the order to a strategy, and the races of this
package, have a second row, until all was seen that they expect: the rules tell at once what may go wrong, and it takes
a search to see it go wrong.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.hunt import Hunt, Hunted, Sight
from nova_async.bench.races import RACES
from nova_async.bench.turns import Turn, Values, in_turns
from nova_async.errors import UsageError
from nova_async.explore.strategies import STRATEGIES
from nova_async.scenario import Scenario
from nova_async.scenario.discovery import discover, packaged_folder
from nova_async.scenario.exploring import Plan

FOLDER = "hazards"
BY_CHANCE = ("pct", "random")
SEEDS = 5
ROUNDS_BY_ORDER = 3
"""Of the strategies that do the same every time: only their times differ."""
MAX_EXECUTIONS = 300
MAX_SECONDS = 3.0

EXECUTIONS, MILLISECONDS = "executions", "ms"
"""Units, each with the name of a strategy behind it, so that every strategy has its column."""
FOUND, WHOLE, MEDIAN, SECONDS = "hazards found", "whole answers", "executions each, median", "s for all"
PLAIN = "dfs"

NOTES = (
    "A row is a hazard, a column a strategy: until the first finding that the scenario expects. ± is over the seeds.",
    f"size is the most executions that a strategy has, and it has {MAX_SECONDS:g} s; what is not found has no number.",
    "1: the scenario forces the order that shows it, or the checker has a rule against what allows it.",
    "whole answer: until all was seen that the scenario expects; a row of its own where it leaves the order open.",
    "Times are of processor time, from the first execution on. x compares with plain depth-first search.",
)


def run(settings: Settings) -> Report:
    """Every strategy on every hazard, with more seeds while there is time."""
    hazards = [*hazards_in(packaged_folder()), *RACES]
    hunts: list[Hunted] = []
    start = time.perf_counter()
    for seed in range(SEEDS):
        if seed and (time.perf_counter() - start) * (seed + 1) / seed > settings.max_seconds:
            break
        in_turns(Samples(), [*_turns(hazards, seed, hunts)], settings.step, seconds=0, rounds=1)
    samples = _samples(hunts)
    against = {summary_name(strategy): summary_name(PLAIN) for strategy in STRATEGIES if strategy != PLAIN}
    figures = tuple(samples.figures(against, (SECONDS,)))
    return Report("hazards", figures, (_goal(samples, len(hazards)),), (*NOTES, *_missed(hunts)))


def hazards_in(folder: Path) -> list[Scenario]:
    """The scenarios that expect a finding: of the hazards all, of the others those that leave the order open.

    Raises:
        UsageError: there is no folder of hazards.
    """
    hazards = folder / FOLDER
    if not hazards.is_dir():
        raise UsageError("bench hazards: scenarios/hazards did not come with this package; run it from a checkout")
    ours = {scenario.path for scenario in discover([str(hazards)])}
    return [each for each in discover([str(folder)]) if each.expect and (each.path in ours or each.explore is not None)]


def _turns(hazards: Sequence[Scenario], seed: int, hunts: list[Hunted]) -> Iterator[Turn]:
    for scenario in hazards:
        for strategy in STRATEGIES:
            if strategy in BY_CHANCE or seed < ROUNDS_BY_ORDER:
                plan = Plan(strategy=strategy, seed=seed, max_executions=MAX_EXECUTIONS, max_seconds=MAX_SECONDS)
                yield Turn(f"{scenario.name}: {strategy}", MAX_EXECUTIONS, partial(_hunt, scenario, plan, hunts))


def _hunt(scenario: Scenario, plan: Plan, hunts: list[Hunted]) -> Values:
    """Keeps what comes out, as that is figures of more than one name."""
    hunts.append(Hunt(scenario, plan).run())
    return {}


def time_name(name: str) -> str:
    """What the times are called: figures of one name share a table, and this one would be too wide."""
    return f"{name}: ms"


def whole_name(name: str) -> str:
    """What the second row of a scenario is called."""
    return f"{name}, whole answer"


def summary_name(strategy: str) -> str:
    """What the figures of all hazards together are called."""
    return f"all hazards: {strategy}"


def _samples(hunts: Iterable[Hunted]) -> Samples:
    """All executions before all times, to a tenth of a ms, and the summary behind them."""
    samples = Samples()
    hunts = list(hunts)
    sights = [(name, hunt.plan.strategy, sight) for hunt in hunts for name, sight in _rows(hunt) if sight is not None]
    for name, strategy, sight in sights:
        samples.add(name, MAX_EXECUTIONS, f"{EXECUTIONS} {strategy}", sight.execution)
    for name, strategy, sight in sights:
        samples.add(time_name(name), MAX_EXECUTIONS, f"{MILLISECONDS} {strategy}", round(sight.milliseconds, 1))
    for (strategy, _), several in _by_round(hunts).items():
        for unit, value in _summary(several).items():
            samples.add(summary_name(strategy), MAX_EXECUTIONS, unit, value)
    return samples


def _rows(hunt: Hunted) -> Iterator[tuple[str, Sight | None]]:
    yield hunt.scenario.name, hunt.first
    if hunt.scenario.explore is not None:
        yield whole_name(hunt.scenario.name), hunt.whole


def _by_round(hunts: Iterable[Hunted]) -> dict[tuple[str, int], list[Hunted]]:
    """By strategy and seed."""
    rounds: dict[tuple[str, int], list[Hunted]] = {}
    for hunt in hunts:
        rounds.setdefault((hunt.plan.strategy, hunt.plan.seed), []).append(hunt)
    return rounds


def _summary(hunts: Iterable[Hunted]) -> Values:
    """Of one strategy with one seed; what was not found costs the time that it was looked for."""
    hunts = list(hunts)
    first = [hunt.first for hunt in hunts if hunt.first is not None]
    spent = sum(hunt.milliseconds if hunt.first is None else hunt.first.milliseconds for hunt in hunts) / 1e3
    middle = {MEDIAN: median(sight.execution for sight in first)} if first else {}
    whole = sum(hunt.whole is not None for hunt in hunts)
    return {FOUND: len(first), WHOLE: whole, **middle, SECONDS: spent}


def _missed(hunts: Iterable[Hunted]) -> Iterator[str]:
    """A line for each row and strategy that has nothing to show for one of its rounds."""
    rounds: dict[tuple[str, str], list[bool]] = {}
    for hunt in hunts:
        for name, sight in _rows(hunt):
            rounds.setdefault((name, hunt.plan.strategy), []).append(sight is not None)
    for (name, strategy), found in rounds.items():
        if not all(found):
            yield f"Not found: {name} by {strategy}, in {found.count(False)} of {len(found)} rounds."


def _goal(samples: Samples, hazards: int) -> Goal:
    """Whatever the strategy, it is there to be found."""
    found = {strategy: samples.median(summary_name(strategy), MAX_EXECUTIONS, FOUND) or 0 for strategy in STRATEGIES}
    worst = min(found, key=lambda strategy: found[strategy])
    spread = samples.spread(summary_name(worst), MAX_EXECUTIONS, FOUND)
    return Goal(f"hazards found, of {hazards}, by the worst strategy", found[worst], hazards, spread, at_least=True)
