"""What one worker has found out, for the books of the others.

Workers begin a round with the same books, as they are forks of one process. Each writes down every step that it was
the first to take, in terms of what it knew then; whoever has the same books can do the same to them afterwards.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from nova_async.explore.strategies.footprints import Others, Step
from nova_async.explore.strategies.state_graph import State


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a step was chosen.

    Attributes:
        task: who takes it.
        marks: the local states there of all who were at a point.
        awaiting: who waited for its task to end.
    """

    task: str
    marks: Mapping[str, int]
    awaiting: AbstractSet[str]

    def others(self, state: State) -> Others:
        """Those who are left out in ``state``, or could not go on."""
        left_out = {state.options[place] for place in state.left_out}
        inside = set(state.options) - left_out
        return Others({key: mark for key, mark in self.marks.items() if key not in inside}, self.awaiting)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The state that a step has led to.

    Attributes:
        key: what names it.
        options: who can go on there.
        first: the places of those who seem to be enough.
        left_out: of those who do not.
    """

    key: int
    options: tuple[str, ...]
    first: Sequence[int]
    left_out: Sequence[int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that was taken for the first time, or the part of it up to a data choice.

    Attributes:
        source: the number of the state or data choice where an option was taken.
        place: which.
        chosen_in: the number of the state where the step was chosen.
        taken: more about that; None if nobody wants to know.
        step: what it has done; None if it is not over, or nobody wants to know.
        leads_to: a state, a choice among so many values, or None if the execution is over.
        target: the number of what it leads to, in the worker's books.
    """

    source: int
    place: int
    chosen_in: int
    taken: Taken | None
    step: Step | None
    leads_to: Arrival | int | None
    target: int


@dataclass
class Journal:
    """The entries of one round.

    Attributes:
        known: how many states all workers knew at its beginning.
        generation: how often the search had begun anew by then.
        entries: in the order in which they came.
        doubts: why the worker's states are doubtful.
        opaque: the caches of which it knows that they are not transparent.
    """

    known: int
    generation: int = 0
    entries: list[Entry] = field(default_factory=list)
    doubts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
