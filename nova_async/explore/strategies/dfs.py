"""Plain depth-first search: every order, one by one. The oracle of all that leave orders out."""

from collections.abc import Sequence

from nova_async.explore.execution import Execution
from nova_async.explore.strategies.protocol import Basic
from nova_async.explore.strategies.tree import Path
from nova_async.explore.task import ControlledTask


class DepthFirst(Basic):
    """Every order there is, depth first, the one that switches least before others.

    Args:
        preemptions: leave out orders that switch away from a task that could go on more often than this (Musuvathi and
            Qadeer, "Iterative Context Bounding", PLDI 2007); None for no bound.
    """

    def __init__(self, preemptions: int | None = None) -> None:
        self._path = Path()
        self._bound = preemptions
        self._used = 0
        self._cut = False

    @property
    def gap(self) -> str:
        """Orders beyond the bound, if there are any."""
        return bound_gap(self._bound) if self._cut else ""

    @property
    def remaining(self) -> int:
        """How many alternatives on the present path were not tried yet."""
        return self._path.remaining()

    def begin(self, execution: Execution) -> bool:  # noqa: ARG002
        """Turn to the next order."""
        self._used = 0
        return self._path.begin()

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask:
        """As the path says, then the current task."""
        position = self._path.repeat(len(enabled))
        if position is None:
            position = self._path.extend(self._options(enabled, current), len(enabled))
        task = enabled[position]
        if task is not current and current in enabled:
            self._used += 1
        return task

    def pick(self, n: int) -> int:
        """As the path says, then the simplest."""
        value = self._path.repeat(n)
        return self._path.extend(range(n), n) if value is None else value

    def _options(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> Sequence[int]:
        options = current_first(enabled, current)
        if self._used == self._bound and current in enabled:
            self._cut = self._cut or len(options) > 1
            return options[:1]
        return options


def bound_gap(bound: int | None) -> str:
    """What a bound on preemptions leaves out."""
    return f"orders with more than {bound} preemptions were left out (preemptions)"


def current_first(enabled: Sequence[ControlledTask], current: ControlledTask | None) -> Sequence[int]:
    """The places in ``enabled``, beginning with the current task if it is there."""
    places = list(range(len(enabled)))
    if current in enabled:
        places.insert(0, places.pop(enabled.index(current)))
    return places
