"""What goes wrong on purpose, by a seeded plan.

Every fallible operation asks the plan before it succeeds. The same seed gives the same answers in the same order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random

from nova_async.errors import UsageError
from nova_async.events import EventKind, trace
from nova_async.point import caller, explored, forgetting, pick, share, touch

KINDS = ("alloc", "mmio", "tlb", "reclaim", "unbind")
"""An allocation that fails, a register access that fails, an invalidate that does not complete, an allocation
that finds memory short and enters reclaim, a device that goes away."""


@dataclass(slots=True)
class _Share:
    """The failures that a strategy has set aside for one client, and for all that it starts.

    Each of its tasks is asked once, before its first operation that can fail, how many of them it will suffer. After
    that it need not look whether one has struck another task.
    """

    client: str
    left: int
    by_task: dict[str, int] = field(default_factory=dict)

    def strikes(self) -> bool:
        """Whether it is now that one strikes the calling task."""
        task = caller()
        if task not in self.by_task:
            self._ask(task)
        if not self.by_task[task] or not pick(2):
            return False
        self._leave(task, self.by_task[task] - 1)
        return True

    def take(self) -> int:
        """As many of what is left as the strategy chooses."""
        touch(self._name)
        with forgetting():  # what is left is told
            taken = pick(self.left + 1) if self.left else 0
        self.left -= taken
        if taken:
            self.tell()
        return taken

    def tell(self) -> None:
        """Tell what is left."""
        share(self._name, self.left or None)

    def _ask(self, task: str) -> None:
        self._leave(task, self.take())

    def _leave(self, task: str, failures: int) -> None:
        self.by_task[task] = failures
        share(f"failures of {task}", failures)

    @property
    def _name(self) -> str:
        return f"failures left to {self.client or 'the rest'}"


_share: ContextVar[_Share | None] = ContextVar("nova_async.failures", default=None)


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
        self._rest = _Share("", 0)
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
        self._rest.left = failures
        self._rest.tell()

    @contextmanager
    def starting(self, client: str) -> Iterator[None]:
        """Who is started in this block suffers as many of the failures as the strategy chooses now.

        That is decided before anything happens, and not where they strike: nobody has to look whether one has struck
        somebody else, and clients who have nothing else in common have not got that in common either.
        """
        mine = _Share(client, self._rest.take())
        if mine.left:
            mine.tell()
        token = _share.set(mine)
        try:
            yield
        finally:
            _share.reset(token)

    def _chosen(self, rate: float) -> bool:
        if rate in (0.0, 1.0):
            return bool(rate)
        if not (_share.get() or self._rest).strikes():
            return False
        self.chosen += 1
        return True


def _check(kind: str, rate: float) -> None:
    if kind not in KINDS:
        raise UsageError.unknown("fault", kind, KINDS)
    if not 0.0 <= rate <= 1.0:
        raise UsageError(f"fault {kind}: a rate of {rate}; a probability from 0 to 1 was expected")
