"""Counts what another strategy does."""

from collections.abc import Sequence

from nova_async.explore.execution import Execution
from nova_async.explore.strategies.protocol import Strategy
from nova_async.explore.task import ControlledTask
from nova_async.runtime import Naming


class Metrics:
    """Passes everything on to ``inner``, and counts.

    Attributes:
        executions: how many were begun.
        steps: of all executions.
        switches: how often another task took over.
        preemptions: how often one did although the last one could go on.
        longest: the steps of the longest execution.
        schedules: how many of them were different.
    """

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.executions = 0
        self.steps = 0
        self.switches = 0
        self.preemptions = 0
        self.longest = 0
        self._seen: set[tuple[str, ...]] = set()

    @property
    def naming(self) -> Naming | None:
        """As the inner strategy."""
        return self.inner.naming

    @property
    def opaque(self) -> dict[str, None] | None:
        """As the inner strategy."""
        return self.inner.opaque

    @property
    def gap(self) -> str:
        """As the inner strategy."""
        return self.inner.gap

    @property
    def states(self) -> int:
        """As the inner strategy."""
        return self.inner.states

    @property
    def remaining(self) -> int:
        """As the inner strategy."""
        return self.inner.remaining

    @property
    def schedules(self) -> int:
        """How many of the executions were different."""
        return len(self._seen)

    def begin(self, execution: Execution) -> bool:
        """As the inner strategy."""
        begun = self.inner.begin(execution)
        self.executions += begun
        return begun

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """As the inner strategy."""
        task = self.inner.choose(enabled, current)
        if task is not None and current is not None and task is not current:
            self.switches += 1
            self.preemptions += current in enabled
        return task

    def pick(self, n: int) -> int:
        """As the inner strategy."""
        return self.inner.pick(n)

    def end(self, execution: Execution) -> None:
        """Count, then as the inner strategy."""
        self.steps += execution.steps
        self.longest = max(self.longest, execution.steps)
        self._seen.add(tuple(task.key for task in execution.chosen))
        self.inner.end(execution)
