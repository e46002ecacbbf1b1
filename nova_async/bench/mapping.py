"""MMIO transactions and time per page, of four ways to map the same pages.

Rounds are interleaved, so that a slow moment of the machine hits everybody alike. The counts are the same in every
round.
"""

import gc
import time
from collections.abc import Iterator, Sequence

import anyio

from nova_async.bench import Settings
from nova_async.bench.budget import MOST_ROUNDS, Budget
from nova_async.bench.contenders import CONTENDERS, READ_BACK, Cost, Job
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.hw.chipset import MmuVersion

SIZES = (1, 512, 4096, 1 << 18)
VERSIONS = (MmuVersion.V2, MmuVersion.V3)
ONLY_V2 = ("January",)

MMIO, MODEL_TIME, TIME = "MMIO", "model µs", "µs"
COMPARED = (MMIO, MODEL_TIME, TIME)
LARGE, SMALL = 1 << 18, 512
MMIO_GOAL = 1.02
GROWTH_GOAL = 1.2

NOTES = (
    "All figures are per page; a flush counts once, its three writes and its polls count as writes and reads.",
    "x compares execute, read back and unmap with the lower bound, and prepare as published with ours.",
    f"read back: up to {READ_BACK} pages, one call for each; the lower bound reads all, and knows where they are.",
    "January's execute makes its tables as well. model µs is the time of the modelled machine.",
)


def run(settings: Settings, sizes: Sequence[int] = SIZES) -> Report:
    """Measure every contender at every size that fits into the time."""
    samples = Samples()
    notes = list(NOTES)
    budget = Budget(settings.max_seconds, len(sizes) * len(VERSIONS))
    # One round of all sizes before the second of any: the largest take most of the time, and have to have a figure.
    for round_number in range(MOST_ROUNDS):
        budget.begin_round()
        for size in sizes:
            for version in VERSIONS:
                budget.begin_group()
                settings.step(f"{version.name}, {size} pages, round {round_number + 1}")
                notes += _group(samples, budget, version, size, round_number)
    return Report("mapping", tuple(samples.figures(_comparisons(), COMPARED)), tuple(_goals(samples)), tuple(notes))


def _group(samples: Samples, budget: Budget, version: MmuVersion, size: int, round_number: int) -> list[str]:
    """A round of one version and size; a note for each contender of the first that would have taken too long."""
    able = [name for name in CONTENDERS if version is MmuVersion.V2 or name not in ONLY_V2]
    left_out = []
    for name in able:
        if budget.affords(name, size, round_number):
            _measure_one(samples, budget, name, version, size)
        elif not round_number:
            seconds = budget.estimate(name, size)
            left_out.append(f"Left out: {name}, {version.name}, {size} pages: about {seconds:.0f} s.")
    return left_out


def _measure_one(samples: Samples, budget: Budget, contender: str, version: MmuVersion, size: int) -> None:
    start = time.perf_counter()
    costs = measure(contender, version, size)
    budget.spend(contender, size, time.perf_counter() - start)
    for phase, cost in costs.items():
        for unit, value in _of_call(cost):
            samples.add(figure_name(version, phase, contender), size, unit, value / cost.pages)


def measure(contender: str, version: MmuVersion, pages: int) -> dict[str, Cost]:
    """One round of one contender on a fresh device: the cost of each phase."""

    async def once() -> dict[str, Cost]:
        job = await Job.make(version, pages)
        gc.collect()  # nobody pays for what another left behind
        await CONTENDERS[contender](job)
        return job.costs

    return anyio.run(once)


def figure_name(version: MmuVersion, phase: str, contender: str) -> str:
    """What a figure is called."""
    return f"{version.name} {phase}: {contender}"


def _of_call(cost: Cost) -> Iterator[tuple[str, float]]:
    traffic = cost.traffic
    yield "reads", traffic.reads
    yield "writes", traffic.writes
    yield "moves", traffic.window_writes
    yield "flushes", traffic.flushes
    yield MMIO, traffic.transactions
    yield MODEL_TIME, cost.model_ns / 1e3
    yield TIME, cost.seconds * 1e6


def _comparisons() -> dict[str, str]:
    pairs = {}
    for version in VERSIONS:
        for phase in ("execute", "read back", "unmap"):
            for contender in CONTENDERS:
                if contender != "lower bound":
                    pairs[figure_name(version, phase, contender)] = figure_name(version, phase, "lower bound")
        pairs[figure_name(version, "prepare", "published")] = figure_name(version, "prepare", "ours")
    return pairs


def _goals(samples: Samples) -> Iterator[Goal]:
    """Those of the largest size, if it was measured."""
    for version in VERSIONS:
        name = figure_name(version, "execute", "ours")
        mmio = samples.median(name, LARGE, MMIO)
        growth = samples.ratio(name, name, LARGE, TIME, SMALL)
        if mmio is not None:
            yield Goal(f"{name}: MMIO transactions per page at {LARGE} pages", mmio, MMIO_GOAL)
        if growth is not None:
            yield growth.goal(f"{name}: time per page at {LARGE} pages over that at {SMALL}", GROWTH_GOAL)
