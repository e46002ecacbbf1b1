"""The one plug point of the explorer: who runs next, and which value a data choice has."""

from collections.abc import Sequence
from typing import Protocol

from nova_async.explore.execution import Execution
from nova_async.explore.task import ControlledTask
from nova_async.runtime import Naming


class Strategy(Protocol):
    """Drives executions, one after the other.

    A schedule is the list of its choices; what a strategy does not choose is the same in every execution.
    """

    @property
    def naming(self) -> Naming | None:
        """How the hashes of :mod:`nova_async.explore.state` name things; None for no hashes, which cost time."""
        ...

    @property
    def opaque(self) -> dict[str, None] | None:
        """The caches whose content matters, which grows when one does, see :func:`nova_async.point.depend_on`.

        None if everything does.
        """
        ...

    @property
    def gap(self) -> str:
        """Which orders were left out, in a sentence; empty if none, once :meth:`begin` has said that all is tried."""
        ...

    @property
    def states(self) -> int:
        """How many different states were visited; 0 if it does not tell states apart."""
        ...

    @property
    def remaining(self) -> int:
        """How many alternatives are known and were not tried yet; 0 if it does not know."""
        ...

    def begin(self, execution: Execution) -> bool:
        """A new execution, whose record grows from now on; False if nothing is left to try."""
        ...

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """The task that takes the next step, or None to end this execution here.

        Args:
            enabled: the tasks that can take a step, oldest first; never empty.
            current: the task that took the last step, None at the beginning.
        """
        ...

    def pick(self, n: int) -> int:
        """A number from 0, the simplest, to ``n - 1``."""
        ...

    def end(self, execution: Execution) -> None:
        """The execution is over; its record is complete, and what it left has not been unwound yet."""
        ...


class Basic:
    """What most strategies have in common: no states, no data choices, nothing to remember."""

    naming: Naming | None = None
    opaque: dict[str, None] | None = None

    @property
    def gap(self) -> str:
        """Nothing is left out."""
        return ""

    @property
    def states(self) -> int:
        """Not told apart."""
        return 0

    @property
    def remaining(self) -> int:
        """Not known."""
        return 0

    def begin(self, execution: Execution) -> bool:  # noqa: ARG002
        """There is always one more."""
        return True

    def pick(self, n: int) -> int:  # noqa: ARG002
        """The simplest."""
        return 0

    def end(self, execution: Execution) -> None:
        """Nothing to remember."""


class Sampling(Basic):
    """Tries some orders, and never knows whether they were all."""

    @property
    def gap(self) -> str:
        """All that the dice did not show."""
        return "the strategy tries a sample of all orders"
