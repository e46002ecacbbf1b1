"""Whether a long run keeps its memory to itself: how much it needed early on, and at the end."""

import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from nova_async.errors import UsageError

_STATM = Path("/proc/self/statm")
NOISE = 24 << 20
"""Bytes by which a run may grow in any case: arenas that the allocator keeps, code that is imported late."""


class MemoryGrew(Exception):
    """A run needed much more memory at its end than early on."""


def resident_bytes() -> int:
    """How much of this process is in memory now; its peak where the system does not say."""
    gc.collect()
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


class Footprint:
    """The memory of a run whose length is known.

    Args:
        early: the part of it, 0 to 1, after which everything has been in use once.
        measure: gives the bytes in use.

    Attributes:
        before: bytes in use when ``early`` was reached; 0 before.
    """

    def __init__(self, early: float = 0.1, measure: Callable[[], int] = resident_bytes) -> None:
        if not 0.0 < early < 1.0:
            raise UsageError(f"footprint: early is {early}; a part between 0 and 1 was expected")
        self.before = 0
        self._early = early
        self._measure = measure

    def look(self, done: float) -> None:
        """Learn how much of the run is done, 0 to 1; measures once, when it is early."""
        if not self.before and done >= self._early:
            self.before = self._measure()

    def close(self, allowed: float) -> int:
        """Measure again, at the end.

        Args:
            allowed: the growth that is no leak, as a part of what was in use early.

        Returns:
            By how many bytes the run has grown since.

        Raises:
            MemoryGrew: by more than that and some noise.
        """
        grown = self._measure() - self.before
        if grown > NOISE + allowed * self.before:
            raise MemoryGrew(
                f"{grown >> 20} MiB more in use at the end than after {self._early:.0%} of the run, "
                f"when it was {self.before >> 20} MiB; {(NOISE + int(allowed * self.before)) >> 20} MiB is no leak"
            )
        return grown
