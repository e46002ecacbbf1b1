"""Makes a failing schedule simpler: fewer preemptions, then fewer switches, then shorter, then smaller.

First by moving blocks of steps together, as in Jalbert and Sen, "A Trace Simplification Technique for Effective
Debugging of Concurrent Programs", FSE 2010; then, as that may get stuck, by searching all orders with fewer preemptions
than the best so far, fewest first, for as long as the budget lasts.
"""

import time
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from nova_async.explore.driver import Driver, Program, WhoHolds, nobody_knows
from nova_async.explore.execution import Execution
from nova_async.explore.exploration import MAX_STEPS, Judge, no_findings
from nova_async.explore.loop import ControlledLoop, Points
from nova_async.explore.result import Failure, failures_of
from nova_async.explore.schedule import Schedule
from nova_async.explore.strategies import DepthFirst, Follow, Strategy
from nova_async.operation import Kind

FEW_STEPS = 16
"""So many at first, then twice as many each time."""

Block = tuple[str, int]
"""A task's key, and how many steps it takes in a row."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What became of a failure.

    Attributes:
        failure: the same one, with the simplest schedule that was found.
        fewest_preemptions: all orders with fewer preemptions were searched, and none of them fails like this.
        executions: how many were run.
    """

    failure: Failure
    fewest_preemptions: bool
    executions: int


class Shrinker:
    """Looks for simpler schedules of one failure.

    Args:
        program: what fails.
        failure: how.
        seconds: how long to look.
        points: as the failure was found with.
        passes: as the failure was found with.
        judge: as the failure was found with.
        who_holds: as the failure was found with.
    """

    def __init__(
        self,
        program: Program,
        failure: Failure,
        *,
        seconds: float,
        points: Points = "points",
        passes: Collection[Kind] = (),
        judge: Judge | None = None,
        who_holds: WhoHolds = nobody_knows,
    ) -> None:
        self._program = program
        self._best = failure
        self._identity: Hashable = failure.identity
        self._judge = judge or no_findings
        self._who_holds = who_holds
        self._deadline = time.perf_counter() + seconds
        self._loop = ControlledLoop(points, passes)
        self._limit = len(failure.schedule.steps) if failure.schedule.endless else MAX_STEPS
        self._executions = 0
        self._seen: Failure | None = None

    def run(self) -> Shrunk:
        """Until nothing gets simpler any more, or the time is up."""
        with self._loop.installed():
            if self._best.schedule.endless:
                self._end_earlier()
            while self._improve_locally():
                pass
            fewest = self._search_below()
            while fewest and self._improve_locally():
                pass
        return Shrunk(self._best, fewest, self._executions)

    def _end_earlier(self) -> None:
        """An execution that goes on for ever may show that in far fewer steps; a few are soon tried."""
        schedule, limit = self._best.schedule, self._limit
        keys, picks = [step.task for step in schedule.steps], [value for _, value in schedule.picks]
        self._limit = FEW_STEPS
        while self._limit < limit:
            if self._try(Follow(keys, picks)):
                return
            self._limit *= 2
        self._limit = limit

    def _improve_locally(self) -> bool:
        """Whether some neighbour of the best schedule is simpler and fails the same way."""
        schedule = self._best.schedule
        picks = [value for _, value in schedule.picks]
        return any(self._try(Follow(_steps(blocks), picks)) for blocks in _neighbours(_blocks(schedule))) or any(
            self._try(Follow([step.task for step in schedule.steps], simpler)) for simpler in _simpler_values(picks)
        )

    def _search_below(self) -> bool:
        """Whether it is known that no order with fewer preemptions fails like this."""
        for bound in range(self._best.schedule.preemptions):
            strategy = DepthFirst(preemptions=bound)
            driver = self._driver(strategy)
            while not self._out_of_time():
                if driver.run(self._look) is None:
                    break
                if self._accept():
                    return True  # all smaller bounds were searched in full
            else:
                return False
        return not self._out_of_time()

    def _try(self, strategy: Strategy) -> bool:
        if self._out_of_time():
            return False
        self._driver(strategy).run(self._look)
        return self._accept()

    def _driver(self, strategy: Strategy) -> Driver:
        return Driver(self._loop, self._program, strategy, max_steps=self._limit, who_holds=self._who_holds)

    def _look(self, execution: Execution) -> None:
        self._executions += 1
        self._seen = None
        findings = tuple(self._judge(execution))
        for failure in failures_of(execution, findings, look_further=self._best.schedule.endless):
            if failure.identity == self._identity:
                self._seen = failure

    def _accept(self) -> bool:
        seen = self._seen
        if seen is None or seen.schedule.simplicity >= self._best.schedule.simplicity:
            return False
        self._best = seen
        return True

    def _out_of_time(self) -> bool:
        return time.perf_counter() >= self._deadline


def _blocks(schedule: Schedule) -> list[Block]:
    return [(task, len(list(steps))) for task, steps in groupby(step.task for step in schedule.steps)]


def _steps(blocks: Sequence[Block]) -> list[str]:
    return [task for task, count in blocks for _ in range(count)]


def _neighbours(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Orders with one switch less, or with a block gone, or with an end that nobody chose."""
    for length in range(len(blocks)):
        yield list(blocks[:length])
    for place, (task, count) in enumerate(blocks):
        rest = [*blocks[:place], *blocks[place + 1 :]]
        for target, (other, _) in enumerate(rest):
            if other == task:
                yield [*rest[:target], (task, rest[target][1] + count), *rest[target + 1 :]]
        yield rest
        if count > 1:
            yield [*blocks[:place], (task, count - 1), *blocks[place + 1 :]]


def _simpler_values(picks: Sequence[int]) -> Iterator[list[int]]:
    for place, value in enumerate(picks):
        if value:
            yield [*picks[:place], 0, *picks[place + 1 :]]


def shrink(program: Program, failure: Failure, *, seconds: float = 5.0, points: Points = "points") -> Shrunk:
    """Look for the simplest schedule that fails like ``failure``, for so many seconds."""
    return Shrinker(program, failure, seconds=seconds, points=points).run()
