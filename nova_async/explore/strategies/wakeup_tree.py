"""Wakeup trees: the orders that must still be tried at one place, so that none of them is tried in vain.

Abdulla, Aronis, Jonsson, Sagonas, "Source Sets", JACM 2017, section 6 (POPL 2014, section 5).
"""

from collections.abc import Sequence

from nova_async.explore.strategies.event import Event, conflict, ordered


class Branch:
    """One first step, and what comes after it."""

    __slots__ = ("event", "tree")

    def __init__(self, event: Event, tree: "WakeupTree") -> None:
        self.event = event
        self.tree = tree


class WakeupTree:
    """Ordered branches, the oldest first."""

    __slots__ = ("branches",)

    def __init__(self) -> None:
        self.branches: list[Branch] = []

    def insert(self, sequence: Sequence[Event]) -> None:
        """Have ``sequence`` or an equivalent order tried, unless a branch already leads there (definition 6.5)."""
        tree, rest = self, list(sequence)
        while rest:
            followed = tree._follow(rest)
            if followed is None:
                tree._append(rest)
                return
            branch, rest = followed
            tree = branch.tree
            if not tree.branches:
                return

    def copy(self) -> "WakeupTree":
        """The same orders, to be tried another time."""
        tree = WakeupTree()
        tree.branches = [Branch(branch.event, branch.tree.copy()) for branch in self.branches]
        return tree

    def _follow(self, sequence: list[Event]) -> tuple[Branch, list[Event]] | None:
        """The first branch that can begin ``sequence``, and what is left of that then."""
        for branch in self.branches:
            rest = without_initial(sequence, branch.event)
            if rest is not None:
                # Other data choices of the same step: all of them are tried anyway.
                return branch, rest
        return None

    def _append(self, sequence: list[Event]) -> None:
        tree = self
        for event in sequence:
            branch = Branch(event, WakeupTree())
            tree.branches.append(branch)
            tree = branch.tree


def without_initial(sequence: list[Event], event: Event) -> list[Event] | None:
    """What is left of ``sequence`` after ``event``, if that is a weak initial of it; otherwise None.

    A weak initial is the first step of some order of the sequence, or of one that the sequence can be extended to
    (JACM 2017, definition 4.1).
    """
    for place, mine in enumerate(sequence):
        if mine.task == event.task:
            if any(ordered(earlier, mine) for earlier in sequence[:place]):
                return None
            return sequence[:place] + sequence[place + 1 :]
    return None if any(conflict(event, other) for other in sequence) else sequence


def initials(sequence: Sequence[Event]) -> list[Event]:
    """The events that can come first in an order equivalent to ``sequence``."""
    return [
        event
        for place, event in enumerate(sequence)
        if not any(ordered(earlier, event) for earlier in sequence[:place])
    ]
