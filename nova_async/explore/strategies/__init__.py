"""Who chooses, one short file each.

::

    protocol        the plug point
    random  pct     sample orders
    dfs             every order: the oracle
    stateful        every state once
    optimal source  every order that differs from all others; event, happens_before, recorder, wakeup_tree serve them
    replay          one recorded order again
    metrics         counts what another strategy does
    run_twice       makes another one's choices twice, and compares
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nova_async.errors import UsageError
from nova_async.explore.loop import Points
from nova_async.explore.strategies.dfs import DepthFirst as DepthFirst
from nova_async.explore.strategies.metrics import Metrics as Metrics
from nova_async.explore.strategies.optimal import Optimal as Optimal
from nova_async.explore.strategies.pct import Pct as Pct
from nova_async.explore.strategies.protocol import Basic as Basic
from nova_async.explore.strategies.protocol import Sampling as Sampling
from nova_async.explore.strategies.protocol import Strategy as Strategy
from nova_async.explore.strategies.random import RandomWalk as RandomWalk
from nova_async.explore.strategies.replay import Follow as Follow
from nova_async.explore.strategies.replay import Replay as Replay
from nova_async.explore.strategies.run_twice import RunTwice as RunTwice
from nova_async.explore.strategies.source import Source as Source
from nova_async.explore.strategies.stateful import Exhaustive as Exhaustive


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What strategies can be told, each taking what concerns it."""

    seed: int = 0
    preemptions: int | None = None
    depth: int = 3
    points: Points = "points"


def _exhaustive(options: Options) -> Strategy:
    if options.points == "awaits":
        raise UsageError(
            "strategy exhaustive: with points='awaits' nobody says what the tasks were told, so that states cannot be "
            "told apart; use dpor, dfs, pct or random"
        )
    return Exhaustive(options.preemptions)


STRATEGIES: Mapping[str, Callable[[Options], Strategy]] = MappingProxyType(
    {
        "exhaustive": _exhaustive,
        "dpor": lambda _options: Optimal(),
        "source-dpor": lambda _options: Source(),
        "dfs": lambda options: DepthFirst(options.preemptions),
        "pct": lambda options: Pct(options.seed, options.depth),
        "random": lambda options: RandomWalk(options.seed, options.preemptions),
    }
)
"""By the name that ``--strategy`` takes."""
