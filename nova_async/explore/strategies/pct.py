"""Probabilistic concurrency testing: random priorities, lowered at a few random moments.

Burckhardt, Kothari, Musuvathi, Nagarakatti, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
ASPLOS 2010: a bug of depth d in a program of n tasks and k steps is found by one execution with probability at least
1/(n k^(d-1)).
"""

from collections.abc import Sequence
from random import Random

from nova_async.explore.execution import Execution
from nova_async.explore.strategies.protocol import Sampling
from nova_async.explore.task import ControlledTask


class Pct(Sampling):
    """The enabled task of highest priority runs; at ``depth - 1`` random steps its priority drops below all others.

    The paper is told k and n. Here k is the longest execution so far, and a task draws its priority when it is first
    seen, as tasks come and go.

    Args:
        seed: of the priorities and change points.
        depth: how many ordering constraints the bug needs, d of the paper; at least 1.
    """

    def __init__(self, seed: int = 0, depth: int = 3) -> None:
        self._random = Random(seed)  # noqa: S311  a schedule, not a secret
        self._depth = depth
        self._longest = 1
        self._steps = 0
        self._changes: dict[int, int] = {}
        self._priorities: dict[ControlledTask, float] = {}

    def begin(self, execution: Execution) -> bool:  # noqa: ARG002
        """Draw the change points (section 2.3: uniformly from 1 to k)."""
        self._steps = 0
        self._priorities = {}
        self._changes = {self._random.randint(1, self._longest): level for level in range(self._depth - 1)}
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask:  # noqa: ARG002
        """The enabled task of highest priority."""
        for task in enabled:
            if task not in self._priorities:
                # Above every change point's priority (section 2.3: initial priorities are d, …, d + n).
                self._priorities[task] = self._depth + self._random.random()
        task = max(enabled, key=self._priorities.__getitem__)
        self._steps += 1
        if self._steps in self._changes:
            self._priorities[task] = self._changes[self._steps]
            task = max(enabled, key=self._priorities.__getitem__)
        return task

    def pick(self, n: int) -> int:
        """Any value."""
        return self._random.randrange(n)

    def end(self, execution: Execution) -> None:
        """Learn how long an execution is."""
        self._longest = max(self._longest, execution.steps)
