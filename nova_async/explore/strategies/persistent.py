"""Persistent sets: which tasks' next steps make up for those of all others.

Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996, chapter 4. A set of tasks is enough
in a state if the next step of each of them commutes with everything that anybody outside the set will ever do: whatever
the others do first, these steps lead to the same afterwards, so they can be first.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from nova_async.explore.strategies.footprints import Footprints, Others


@dataclass(frozen=True, slots=True)
class Ready:
    """A task that can go on: its key, its local state, and who waits for its end."""

    key: str
    mark: int
    awaiting: AbstractSet[str]


def persistent_set(footprints: Footprints, enabled: Sequence[Ready], blocked: Mapping[str, int]) -> list[int]:
    """The smallest set that seems to be enough, by what is known.

    Args:
        footprints: what was seen so far.
        enabled: those who can go on.
        blocked: the local states of those who are at a point and cannot, by their keys.

    Returns:
        Places in ``enabled``, ascending. A step that was never taken is an attempt: alone, and to be judged afterwards.
    """
    attempts = [[place] for place, task in enumerate(enabled) if footprints.expected(task.mark) is None]
    closures = [_closure(footprints, place, enabled, blocked) for place in range(len(enabled))]
    return min(*closures, *attempts, key=len)


def _closure(footprints: Footprints, start: int, enabled: Sequence[Ready], blocked: Mapping[str, int]) -> list[int]:
    """Whoever may come into the way of a task in the set is in it as well; all, if one of these cannot go on."""
    everybody = list(range(len(enabled)))
    chosen, waiting = {start}, [start]
    while waiting:
        task = enabled[waiting.pop()]
        touched = footprints.expected(task.mark)
        if touched is None or not footprints.commutes(touched, Others(blocked, task.awaiting)):
            return everybody
        for place in everybody:
            other = enabled[place]
            outside = Others({other.key: other.mark}, task.awaiting)
            if place not in chosen and not footprints.commutes(touched, outside):
                chosen.add(place)
                waiting.append(place)
    return sorted(chosen)
