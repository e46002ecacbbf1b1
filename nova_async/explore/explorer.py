"""Drives any async callable through its schedules.

::

    from nova_async.explore import explore

    result = explore(program, strategy="dpor")
    assert result.complete and result.ok
"""

from collections.abc import Callable, Collection

from nova_async.errors import UsageError
from nova_async.explore.driver import Driver, Program, WhoHolds, nobody_knows
from nova_async.explore.exploration import MAX_STEPS, Bounds, Exploration, Judge, Progress, no_findings
from nova_async.explore.loop import ControlledLoop, Points
from nova_async.explore.result import Result
from nova_async.explore.strategies import STRATEGIES, Options, Replay, RunTwice, Strategy
from nova_async.explore.workers import Workers
from nova_async.operation import Kind


def explore(
    program: Program,
    *,
    strategy: str | Strategy = "exhaustive",
    max_executions: int | None = None,
    max_seconds: float | None = None,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    preemptions: int | None = None,
    depth: int = 3,
    points: Points = "points",
    passes: Collection[Kind] = (),
    run_twice: bool = False,
    stop_at_first: bool = False,
    workers: int = 1,
    judge: Judge = no_findings,
    who_holds: WhoHolds = nobody_knows,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run ``program`` again and again, in another order every time.

    Args:
        program: an async callable without arguments, that makes all it uses afresh. Ordinary anyio or asyncio code.
        strategy: ``exhaustive``, ``dpor``, ``source-dpor``, ``dfs``, ``pct``, ``random``, or one of your own.
        max_executions: stop after so many. ``pct`` and ``random`` need this or ``max_seconds``.
        max_seconds: stop after so long.
        max_steps: end an execution that takes more.
        seed: of the strategies that throw dice.
        preemptions: bound of ``exhaustive``, ``dfs`` and ``random``.
        depth: of ``pct``.
        points: ``awaits`` lets another task run wherever one resumes, for code that has no points.
        passes: kinds of operations that are no points, as they commute with all that others may do meanwhile.
        run_twice: run every schedule twice and report what differs (NOVA901).
        stop_at_first: stop when something goes wrong.
        workers: processes to spread an exhaustive search over.
        judge: names the findings of an execution.
        who_holds: names the holder of a resource.
        progress: is called a few times a second.

    Raises:
        UsageError: no such strategy, or one that never ends without a bound or cannot be spread.
        ReplayDiverged: the same choices led somewhere else; run again with ``run_twice``.
    """
    bounds = Bounds(max_executions, max_seconds, max_steps, first_failure=stop_at_first)
    chosen = _strategy(strategy, Options(seed=seed, preemptions=preemptions, depth=depth, points=points), bounds)
    steps = _where_to_end(chosen, max_steps)
    if run_twice:
        chosen, judge = _twice(chosen, judge)
    driver = Driver(ControlledLoop(points, passes), program, chosen, max_steps=steps, who_holds=who_holds)
    return _run(Exploration(chosen, bounds, judge, progress), driver, workers)


def _run(exploration: Exploration, driver: Driver, workers: int) -> Result:
    go_on = Workers(exploration, workers).go_on if workers != 1 else exploration.go_on
    with driver.loop.installed():
        return exploration.run(driver, go_on)


def _where_to_end(strategy: Strategy, max_steps: int) -> int:
    """An execution that was ended when it was recorded is ended there again."""
    if isinstance(strategy, Replay) and strategy.schedule.endless:
        return len(strategy.schedule.steps)
    return max_steps


def _twice(strategy: Strategy, judge: Judge) -> tuple[Strategy, Judge]:
    twice = RunTwice(strategy)
    return twice, lambda execution: (*judge(execution), *twice.findings)


def _strategy(strategy: str | Strategy, options: Options, bounds: Bounds) -> Strategy:
    if not isinstance(strategy, str):
        return strategy
    if strategy not in STRATEGIES:
        raise UsageError.unknown("strategy", strategy, STRATEGIES)
    if strategy in ("pct", "random") and bounds.executions is None and bounds.seconds is None:
        raise UsageError(f"strategy {strategy} never ends by itself; give max_executions or max_seconds")
    return STRATEGIES[strategy](options)
