"""What a bench found out."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        name: what was measured, of whom.
        size: how large the problem was.
        unit: of the median and the spread.
        median: of the rounds.
        spread: how far the round farthest from the median was from it.
        rounds: how many there were.
        against: the name of the figure that this one is compared with, of the same size and unit; empty if none.
        ratio: this median over that one; None if there is none, or it is 0.
    """

    name: str
    size: int
    unit: str
    median: float
    spread: float
    rounds: int
    against: str = ""
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should not exceed.

    Attributes:
        what: of which figure, in words.
        value: what it came to.
        limit: the most that is good enough.
    """

    what: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Report:
    """All of one bench.

    Attributes:
        bench: its name.
        figures: in the order in which they should be read.
        goals: those that could be judged.
        notes: what the figures mean, and what was left out.
    """

    bench: str
    figures: tuple[Figure, ...]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Samples:
    """Measured values until they become figures."""

    _values: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)

    def add(self, name: str, size: int, unit: str, value: float) -> None:
        """One round's value."""
        self._values.setdefault((name, size, unit), []).append(value)

    def median(self, name: str, size: int, unit: str) -> float | None:
        """Of the rounds so far; None if there was none."""
        values = self._values.get((name, size, unit))
        return median(values) if values else None

    def figures(self, against: Mapping[str, str], compared: Container[str]) -> Iterable[Figure]:
        """One for each name, size and unit, in the order of their first values.

        Args:
            against: for a name, the name to compare it with.
            compared: the units in which that says something.
        """
        for (name, size, unit), values in self._values.items():
            middle = median(values)
            spread = max(abs(value - middle) for value in values)
            other = against.get(name, "") if unit in compared else ""
            base = self.median(other, size, unit)
            ratio = middle / base if base else None
            yield Figure(name, size, unit, middle, spread, len(values), other, ratio)
