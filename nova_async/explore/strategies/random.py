"""A uniform walk, and one that switches away from a task that could go on only a few times."""

from collections.abc import Sequence
from random import Random

from nova_async.explore.execution import Execution
from nova_async.explore.strategies.protocol import Sampling
from nova_async.explore.task import ControlledTask


class RandomWalk(Sampling):
    """Any enabled task with equal probability, at every step.

    Args:
        seed: of the walk; the n-th execution of one seed is always the same.
        preemptions: how often, at most, a task that could go on is left for another one in one execution; None for no
            bound. Most bugs need few (Musuvathi and Qadeer, CHESS, PLDI 2007, section 2).
    """

    def __init__(self, seed: int = 0, preemptions: int | None = None) -> None:
        self._random = Random(seed)  # noqa: S311  a schedule, not a secret
        self._bound = preemptions
        self._left = 0

    def begin(self, execution: Execution) -> bool:  # noqa: ARG002
        """There is always one more."""
        self._left = -1 if self._bound is None else self._bound
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask:
        """Anybody; the current task once the bound is reached."""
        if len(enabled) == 1:
            return enabled[0]
        if current is not None and not self._left and current in enabled:
            return current
        task = enabled[int(self._random.random() * len(enabled))]
        if current in enabled and task is not current:
            self._left -= 1
        return task

    def pick(self, n: int) -> int:
        """Any value."""
        return self._random.randrange(n)
