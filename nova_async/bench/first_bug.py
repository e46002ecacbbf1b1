"""How long it takes to find the first deadlock of the dining philosophers, by strategy."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import mean

from nova_async.bench import peers
from nova_async.bench.figure import Goal, Samples
from nova_async.bench.peer_process import Measured
from nova_async.bench.turns import Turn, Values, in_turns
from nova_async.errors import InternalError
from nova_async.explore import explore
from nova_async.explore.programs import philosophers

SEEDS = 101
TABLES = (2, 3, 4, 5)
GOAL_TABLE = 4
BY_CHANCE = ("random", "pct")
BY_ORDER = ("dpor", "exhaustive", "dfs")
TO_BUG, MILLISECONDS = "executions to bug", "ms to bug"
EXECUTIONS_GOAL = 20
MILLISECONDS_GOAL = 5.0
ENOUGH = 100_000

COMPARISONS = {
    f"first deadlock: {other}": "first deadlock: random" for other in (*BY_CHANCE[1:], *BY_ORDER, *peers.NAMES)
}


def measure(samples: Samples, foreign: Sequence[Measured], step: Callable[[str], None], *, seconds: float) -> None:
    """Every strategy on every table, with every seed if it throws dice; those of others while there is time."""
    start = time.perf_counter()
    for seed in range(SEEDS):
        in_time = not seed or time.perf_counter() - start < seconds
        in_turns(samples, [*_of_seed(seed, foreign if in_time else ())], step, seconds=0, rounds=1)


def _of_seed(seed: int, foreign: Sequence[Measured]) -> Iterator[Turn]:
    for table in TABLES:
        for strategy in BY_CHANCE:
            yield Turn(f"first deadlock: {strategy}", table, partial(first_deadlock, table, strategy, seed))
        for strategy in BY_ORDER if seed < len(TABLES) else ():  # these are always the same
            yield Turn(f"first deadlock: {strategy}", table, partial(first_deadlock, table, strategy, 0))
        for peer in foreign:
            yield Turn(f"first deadlock: {peer.name}", table, partial(_of_peer, peer, table, seed))


def first_deadlock(table: int, strategy: str, seed: int) -> Values:
    """Up to the first failure.

    Raises:
        InternalError: it was not found.
    """
    start = time.process_time()
    result = explore(
        philosophers(table), strategy=strategy, seed=seed, max_executions=ENOUGH, max_steps=1000, stop_at_first=True
    )
    milliseconds = (time.process_time() - start) * 1e3
    if result.ok:
        raise InternalError(f"bench explorer: {strategy} finds no deadlock of philosophers({table})")
    return {TO_BUG: result.executions, MILLISECONDS: milliseconds}


def _of_peer(peer: Measured, table: int, seed: int) -> Values:
    executions, seconds = peer.first_deadlock(table, seed)
    return {} if executions is None else {TO_BUG: executions, MILLISECONDS: seconds * 1e3}


def goals(samples: Samples) -> Iterator[Goal]:
    """Four philosophers by chance: the median of the executions, the mean of the time."""
    name = "first deadlock: random"
    executions = samples.median(name, GOAL_TABLE, TO_BUG)
    if executions is not None:
        what = f"first deadlock of {GOAL_TABLE} philosophers, random: executions, median of the seeds"
        yield Goal(what, executions, EXECUTIONS_GOAL, samples.spread(name, GOAL_TABLE, TO_BUG))
    times = samples.values(name, GOAL_TABLE, MILLISECONDS)
    if times:
        what = f"first deadlock of {GOAL_TABLE} philosophers, random: ms, mean of the seeds"
        yield Goal(what, mean(times), MILLISECONDS_GOAL, samples.spread(name, GOAL_TABLE, MILLISECONDS))
