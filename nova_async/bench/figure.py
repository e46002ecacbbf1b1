"""What a bench found out."""

from collections.abc import Container, Iterable, Mapping, Sequence
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
        ratio_spread: how far the ratio in one round was from it at most, both having been measured in turns.
    """

    name: str
    size: int
    unit: str
    median: float
    spread: float
    rounds: int
    against: str = ""
    ratio: float | None = None
    ratio_spread: float = 0.0

    @property
    def noise(self) -> float:
        """The spread as a part of the median."""
        return self.spread / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should not exceed, or should reach.

    Attributes:
        what: of which figure, in words.
        value: what it came to.
        limit: the most that is good enough; or the least.
        spread: how far the value in one round was from it at most.
        at_least: whether ``limit`` is the least.
    """

    what: str
    value: float
    limit: float
    spread: float = 0.0
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


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


@dataclass(frozen=True, slots=True)
class Compared:
    """What two figures measured in turns have to do with each other.

    Attributes:
        value: the median of the one over that of the other, or their difference.
        spread: how far one round's value was from it at most.
    """

    value: float
    spread: float

    def goal(self, what: str, limit: float, *, at_least: bool = False) -> Goal:
        """This should not exceed ``limit``, or should reach it."""
        return Goal(what, self.value, limit, self.spread, at_least)


@dataclass(slots=True)
class Samples:
    """Measured values until they become figures."""

    _values: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)

    def add(self, name: str, size: int, unit: str, value: float) -> None:
        """One round's value."""
        self._values.setdefault((name, size, unit), []).append(value)

    def values(self, name: str, size: int, unit: str) -> Sequence[float]:
        """Those of all rounds."""
        return tuple(self._values.get((name, size, unit), ()))

    def median(self, name: str, size: int, unit: str) -> float | None:
        """Of the rounds so far; None if there was none."""
        values = self._values.get((name, size, unit))
        return median(values) if values else None

    def spread(self, name: str, size: int, unit: str) -> float:
        """How far the round farthest from the median was from it; 0 if there was none."""
        return _spread(self._values.get((name, size, unit), []))

    def ratio(self, name: str, other: str, size: int, unit: str, other_size: int | None = None) -> Compared | None:
        """The median of one over that of another; None if one of them is missing, or the other is 0.

        Args:
            name: of the one.
            other: of the other.
            size: of both.
            unit: of both.
            other_size: of the other, if it is not the same.
        """
        over = self._values.get((name, size, unit))
        under = self._values.get((other, size if other_size is None else other_size, unit))
        if not over or not under or not median(under):
            return None
        middle = median(over) / median(under)
        rounds = [one / two for one, two in zip(over, under, strict=False) if two]
        return Compared(middle, max((abs(each - middle) for each in rounds), default=0.0))

    def difference(self, name: str, other: str, size: int, unit: str) -> Compared | None:
        """The median of one less that of another; None if one of them is missing."""
        more, less = (self._values.get((each, size, unit)) for each in (name, other))
        if not more or not less:
            return None
        middle = median(more) - median(less)
        return Compared(middle, max(abs(one - two - middle) for one, two in zip(more, less, strict=False)))

    def figures(self, against: Mapping[str, str], compared: Container[str]) -> Iterable[Figure]:
        """One for each name, size and unit, in the order of their first values.

        Args:
            against: for a name, the name to compare it with.
            compared: the units in which that says something.
        """
        for (name, size, unit), values in self._values.items():
            other = against.get(name, "") if unit in compared else ""
            ratio = self.ratio(name, other, size, unit)
            yield Figure(
                name,
                size,
                unit,
                median(values),
                _spread(values),
                len(values),
                other,
                ratio.value if ratio else None,
                ratio.spread if ratio else 0.0,
            )


def _spread(values: Sequence[float]) -> float:
    middle = median(values) if values else 0.0
    return max((abs(value - middle) for value in values), default=0.0)
