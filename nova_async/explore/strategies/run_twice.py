"""Finds nondeterminism that the explorer does not control: makes the same choices again and looks for a difference."""

from collections.abc import Sequence
from dataclasses import dataclass

from nova_async.explore.execution import Ending, Execution
from nova_async.explore.strategies.protocol import Strategy
from nova_async.explore.task import ControlledTask
from nova_async.findings import Finding, Severity
from nova_async.runtime import Naming


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one step looked like before it was taken."""

    runnable: tuple[str, ...]
    operations: tuple[str, ...]
    histories: tuple[int, ...]
    chosen: str


class RunTwice:
    """Every schedule of ``inner`` is run twice.

    Attributes:
        naming: what tasks were told is compared, too.
        opaque: all that is told is.
        findings: NOVA901, once, naming the first step that differed.
    """

    naming: Naming | None = Naming.EXACT
    opaque: dict[str, None] | None = None

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.findings: list[Finding] = []
        self._first: list[_Seen] = []
        self._picks: list[int] = []
        self._step = 0
        self._picked = 0
        self._again = True
        self._cut_short = False

    @property
    def gap(self) -> str:
        """As the inner strategy, unless something differed."""
        return "the same choices did not lead to the same execution" if self.findings else self.inner.gap

    @property
    def states(self) -> int:
        """As the inner strategy."""
        return self.inner.states

    @property
    def remaining(self) -> int:
        """As the inner strategy."""
        return self.inner.remaining

    def begin(self, execution: Execution) -> bool:
        """The next schedule, or the last one again."""
        self._again = not self._again
        self._step = self._picked = 0
        if self._again:
            return True
        self._first = []
        self._picks = []
        return not self.findings and self.inner.begin(execution)

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """As the inner strategy; the second time, the same again if there is no difference."""
        if self._again:
            return self._repeat(enabled)
        before = _look(enabled, "")
        task = self.inner.choose(enabled, current)
        if task is not None:
            self._first.append(_Seen(before.runnable, before.operations, before.histories, task.key))
        return task

    def pick(self, n: int) -> int:
        """As the inner strategy, and the same again."""
        if not self._again:
            self._picks.append(self.inner.pick(n))
            return self._picks[-1]
        self._picked += 1
        return min(self._picks[self._picked - 1], n - 1) if self._picked <= len(self._picks) else 0

    def end(self, execution: Execution) -> None:
        """Tell the inner strategy of the first run, and compare the end of the second."""
        if not self._again:
            self._cut_short = execution.ending in (Ending.CUT, Ending.TOO_LONG)
            self.inner.end(execution)
        elif self._step < len(self._first) and not self.findings:
            self._differs("the first run went on here, the second ended")

    def _repeat(self, enabled: Sequence[ControlledTask]) -> ControlledTask | None:
        if self._step == len(self._first):
            if not self._cut_short:
                self._differs(f"the first run ended, the second went on with {_listed([task.key for task in enabled])}")
            return None
        first = self._first[self._step]
        second = _look(enabled, first.chosen)
        if first != second:
            self._differs(_difference(first, second))
            return None
        self._step += 1
        return enabled[first.runnable.index(first.chosen)]

    def _differs(self, how: str) -> None:
        message = f"the same choices led to different executions: at step {self._step + 1}, {how}"
        advice = "look for time, randomness, id(), hash order or state that survives from one execution to the next"
        self.findings.append(Finding("NOVA901", Severity.PROVED, message, advice=advice))


def _look(enabled: Sequence[ControlledTask], chosen: str) -> _Seen:
    return _Seen(
        tuple(task.key for task in enabled),
        tuple(repr(task.operation) for task in enabled),
        tuple(task.history for task in enabled),
        chosen,
    )


def _difference(first: _Seen, second: _Seen) -> str:
    if first.runnable != second.runnable:
        return f"{_listed(first.runnable)} could run the first time, {_listed(second.runnable)} the second"
    for task, one, other in zip(first.runnable, first.operations, second.operations, strict=True):
        if one != other:
            return f"{task} was about to {one} the first time, to {other} the second"
    told = [
        task
        for task, *both in zip(first.runnable, first.histories, second.histories, strict=True)
        if both[0] != both[1]
    ]
    return f"{_listed(told)} had been told something else before the second time"


def _listed(keys: Sequence[str]) -> str:
    return "{" + ", ".join(keys) + "}"
