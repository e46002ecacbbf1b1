"""What goes wrong on purpose, by a seeded plan.

Every fallible operation asks the plan before it succeeds. The same seed gives the same answers in the same order.
"""

from collections import Counter
from collections.abc import Mapping
from random import Random

from nova_async.errors import UsageError
from nova_async.events import EventKind, trace
from nova_async.point import explored, observe_guarded, pick, share, touch

KINDS = ("alloc", "mmio", "tlb", "reclaim", "unbind")
"""An allocation that fails, a register access that fails, an invalidate that does not complete, an allocation
that finds memory short and enters reclaim, a device that goes away."""


class FaultPlan:
    """How often each kind of operation fails.

    Args:
        rates: the probability, 0 to 1, for each kind of :data:`KINDS`; none for those left out.
        seed: of the dice.

    Raises:
        UsageError: an unknown kind, or a probability outside 0 to 1.

    Attributes:
        injected: how often each kind has struck.
        kills: whether a strategy may kill clients besides.
        chosen: how often one has because a strategy chose so.
    """

    def __init__(self, rates: Mapping[str, float] | None = None, seed: int = 0) -> None:
        self._rates: dict[str, float] = {}
        self._choices = 0
        self.kills = False
        self.chosen = 0
        self._dice = Random(seed)  # noqa: S311  a schedule, not a secret
        self.injected: Counter[str] = Counter()
        self.start(rates or {})

    @property
    def rates(self) -> Mapping[str, float]:
        """The present probabilities, as they are now."""
        return dict(self._rates)

    def start(self, rates: Mapping[str, float]) -> None:
        """Fail at these rates from now on, the other kinds as before.

        Raises:
            UsageError: an unknown kind, or a probability outside 0 to 1.
        """
        for kind, rate in rates.items():
            _check(kind, rate)
        self._rates |= rates

    def stop(self) -> None:
        """Let everything succeed from now on."""
        self._rates.clear()

    @property
    def undisturbed(self) -> bool:
        """Whether nothing fails now, and nobody is killed by a strategy's choice."""
        return not (self._rates or self.kills)

    def strikes(self, kind: str) -> bool:
        """Whether this operation fails."""
        if kind not in self._rates:
            return False
        rate = self._rates[kind]
        struck = self._chosen(rate) if explored() else self._dice.random() < rate
        self.injected[kind] += struck
        if struck:
            trace(EventKind.FAULT, kind)
        return struck

    def allow(self, failures: int) -> None:
        """Where a strategy chooses which operations fail, let it choose so many that need not.

        An operation whose rate is 1 fails always, and is no choice.
        """
        self._choices = failures

    def _chosen(self, rate: float) -> bool:
        if rate in (0.0, 1.0):
            return bool(rate)
        touch("failures left")
        observe_guarded(self._choices)
        if not self._choices or not pick(2):
            return False
        self._choices -= 1
        self.chosen += 1
        share("failures left", self._choices)
        return True


def _check(kind: str, rate: float) -> None:
    if kind not in KINDS:
        raise UsageError.unknown("fault", kind, KINDS)
    if not 0.0 <= rate <= 1.0:
        raise UsageError(f"fault {kind}: a rate of {rate}; a probability from 0 to 1 was expected")
