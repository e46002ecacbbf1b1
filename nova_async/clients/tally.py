"""What clients did and how long each operation took, in memory that does not grow with their number."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nova_async.lockdep import Times


class Tally:
    """Counts of operations by kind, each with the distribution of its latency.

    Only what was done counts: an operation that raised, or whose client was killed, is not in it.

    Args:
        now: the clock, in ns.
        after_each: called after each operation.

    Attributes:
        operations: how many were done, of all kinds.
        kinds: the latency of each kind in ns, in the order of their first completion.
        failures: how many turns of clients ended with each error, by its name.
    """

    def __init__(
        self, now: Callable[[], int] = time.perf_counter_ns, after_each: Callable[[], None] = lambda: None
    ) -> None:
        self.operations = 0
        self.kinds: dict[str, Times] = {}
        self.failures: Counter[str] = Counter()
        self._now = now
        self._after_each = after_each

    @contextmanager
    def timing(self, kind: str) -> Iterator[None]:
        """The block is one operation."""
        start = self._now()
        yield
        times = self.kinds.get(kind)
        if times is None:
            times = self.kinds[kind] = Times()
        times.add(self._now() - start)
        self.operations += 1
        self._after_each()

    def stats(self) -> dict[str, int | float]:
        """Flat, for a run's statistics; latencies in whole microseconds."""
        stats: dict[str, int | float] = {"operations": self.operations}
        for kind, times in self.kinds.items():
            stats[f"{kind}.count"] = times.count
            stats[f"{kind}.p50_us"] = times.percentile(50) // 1000
            stats[f"{kind}.p99_us"] = times.p99 // 1000
        return stats | {f"failed.{name}": count for name, count in sorted(self.failures.items())}
