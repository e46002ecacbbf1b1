"""Who wants to know what happens to locks, as it happens: traces."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

from nova_async.findings import Finding
from nova_async.lockdep.classes import LockMap

if TYPE_CHECKING:
    from nova_async.lockdep.held import Entry


class LockListener:
    """Hooks that do nothing; override those of interest and be the ``listener`` of a validator.

    They run synchronously in the task that acts, and must not touch locks. A pseudo-lock (reclaim, a signalling
    section) is asked for and released, and never acquired.
    """

    def asked(self, entry: "Entry") -> None:
        """The calling task asks for ``entry.lock``, and may block now."""

    def contended(self, lock: LockMap) -> None:
        """It was taken; the calling task goes to wait."""

    def acquired(self, lock: LockMap) -> None:
        """The calling task has got it."""

    def abandoned(self, lock: LockMap) -> None:
        """The calling task was cancelled before it got it."""

    def released(self, lock: LockMap, owner: Hashable) -> None:
        """The calling task let go of it; ``owner`` is the task that had taken it."""

    def found(self, finding: Finding) -> None:
        """The calling task broke a rule, and nobody had broken it so before."""

    def task_ended(self, task: Hashable) -> None:
        """A task is over."""
