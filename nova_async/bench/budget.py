"""How many rounds fit, and what has to be left out."""

MOST_ROUNDS = 7
MARGIN = 1.2
"""Larger problems do not fit the cache as well as smaller ones."""


class Budget:
    """Seconds to spend on groups of measurements, cheap groups first.

    Args:
        seconds: for all of them.
        groups: how many there will be.
    """

    def __init__(self, seconds: float, groups: int) -> None:
        self._left = seconds
        self._share = 0.0
        self._all_groups = self._groups = groups
        self._rates: dict[str, float] = {}

    def begin_round(self) -> None:
        """All groups once more."""
        self._groups = self._all_groups

    def begin_group(self) -> None:
        """A group may spend its part of what is left, up to the end of the round."""
        self._share = self._left / max(1, self._groups)
        self._groups -= 1

    def affords(self, contender: str, size: int, round_number: int) -> bool:
        """Whether to measure: in the first round if it fits at all, in later ones if it fits the group's share."""
        limit = self._share if round_number else self._left
        return round_number < MOST_ROUNDS and self.estimate(contender, size) <= limit

    def spend(self, contender: str, size: int, seconds: float) -> None:
        """A measurement took this long, its setting-up included."""
        self._left -= seconds
        self._share -= seconds
        if size > 1:  # what one page takes is setting up; it says nothing about many
            self._rates[contender] = seconds / size

    def estimate(self, contender: str, size: int) -> float:
        """Seconds for one measurement, by the one before; 0 before the first of more than one page."""
        return self._rates.get(contender, 0.0) * size * MARGIN
