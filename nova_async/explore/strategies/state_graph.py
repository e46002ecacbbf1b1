"""What is known of the states of a program: what can be done in each, and where that leads.

An execution cannot go back, but it can go on: from a state that was seen before, through others that were, to one where
something was not tried yet. Beginning with the shallowest such state, most executions are long and try many steps, so
that there are few of them; the other way round, each would try one and end.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from operator import itemgetter

NEARBY = 1024
"""How many states to look at for something to go on with, before giving up and beginning another execution."""


class State:
    """One state, or a data choice on the way to one.

    Attributes:
        options: what can be chosen here, by name.
        next: where each option leads, None where it was not tried yet.
        untried: the places in ``options`` of those that were not, the last one to be tried first.
        depth: how many choices led here when it was found.
        level: higher than that of every state from which a choice leads here that makes up for others.
        data: it is a data choice.
        left_out: the places of those that will not be tried, as something else in this state makes up for them.
        number: how many were found earlier.
        before: the state that it was found from, and the place of the option.
    """

    __slots__ = ("before", "data", "depth", "left_out", "level", "next", "number", "options", "untried")

    def __init__(
        self,
        options: tuple[str, ...],
        order: Sequence[int],
        before: "tuple[State, int] | None",
        *,
        number: int = 0,
        data: bool = False,
    ) -> None:
        self.number = number
        self.options = options
        self.data = data
        self.next: list[State | None] = [None] * len(options)
        self.untried = list(reversed(order))
        self.left_out: list[int] = []
        self.before = before
        self.depth: int = before[0].depth + 1 if before else 0
        self.level: int = before[0].level + 1 if before else 0


class StateGraph:
    """All states that were found, and which of them have something left to try.

    Attributes:
        start: what comes before the first choice.
        found: all states and data choices, by number.
        untried: how many steps are known that were not tried yet.
    """

    def __init__(self) -> None:
        self.start = State(("begin",), (0,), None)
        self.found = [self.start]
        self.untried = 1
        self._open = [(0, 0, self.start)]
        self._count = 0

    def add(
        self, options: tuple[str, ...], order: Sequence[int], before: tuple[State, int], *, data: bool = False
    ) -> State:
        """A state that was not seen before, or a data choice; only the options in ``order`` will be tried."""
        state = State(options, order, before, number=len(self.found), data=data)
        self.found.append(state)
        state_before, place = before
        state_before.next[place] = state
        self.untried += len(order)
        self._count += 1
        heapq.heappush(self._open, (state.depth, self._count, state))
        return state

    def put_back(self, state: State) -> None:
        """What was left out in a state is to be tried after all."""
        if state.left_out:
            self.untried += len(state.left_out)
            state.untried[:0] = reversed(state.left_out)
            state.left_out = []
            self._count += 1
            heapq.heappush(self._open, (state.depth, self._count, state))

    def try_one(self, state: State) -> int:
        """The place of an option that was not tried before."""
        self.untried -= 1
        return state.untried.pop()

    def lift(self, target: State, source: State) -> bool:
        """Let a state, and all behind it, be on higher levels than one from which a choice leads there.

        Returns:
            Whether that was possible: not if the choice may close a circle, or leads to one, round which levels would
            rise for ever.
        """
        lifted: dict[int, tuple[State, int]] = {}
        queue = deque([(target, source.level + 1)])
        looked = 0
        while queue:
            state, level = queue.popleft()
            looked += 1
            if state is source or looked > NEARBY:
                return False
            if lifted.get(state.number, (state, state.level))[1] < level:
                lifted[state.number] = state, level
                queue.extend((after, level + 1) for after in state.next if after is not None)
        for state, level in lifted.values():
            state.level = level
        return True

    def was_tried(self, state: State, place: int) -> None:
        """Somebody else has tried an option."""
        if place in state.untried:
            state.untried.remove(place)
            self.untried -= 1
        elif place in state.left_out:
            state.left_out.remove(place)

    def share_out(self, part: int, parts: int) -> None:
        """Set out for every so manieth of the open states only, the shallowest first.

        What is on the way may be tried all the same. Hardly anybody else comes by there before all know of it.
        """
        untried = sorted((entry for entry in self._open if entry[2].untried), key=itemgetter(0, 1))
        states = dict.fromkeys(entry[2].number for entry in untried)
        mine = set(list(states)[part::parts])
        self._open = [entry for entry in untried if entry[2].number in mine]

    def way_to_open(self) -> list[int] | None:
        """The choices from the start to the shallowest state with something to try, the last one first; or None."""
        while self._open and not self._open[0][2].untried:
            heapq.heappop(self._open)
        if not self._open:
            return None
        way = []
        state = self._open[0][2]
        while state.before is not None:
            state, place = state.before
            way.append(place)
        return way

    def goal(self, way: Sequence[int]) -> State | None:
        """Where a way from the start leads, which is in reverse."""
        state: State | None = self.start
        for place in reversed(way):
            state = state.next[place] if state is not None else None
        return state

    def way_on(self, state: State) -> list[int] | None:
        """The choices from ``state`` to one nearby with something to try, the last one first; or None."""
        came: dict[int, tuple[State, int] | None] = {id(state): None}
        queue = deque([state])
        while queue and len(came) < NEARBY:
            here = queue.popleft()
            for place, after in enumerate(here.next):
                if after is None or id(after) in came:
                    continue
                came[id(after)] = here, place
                if after.untried:
                    return _way_to(after, came)
                queue.append(after)
        return None


def _way_to(state: State, came: Mapping[int, tuple[State, int] | None]) -> list[int]:
    way = []
    before = came[id(state)]
    while before is not None:
        state, place = before
        way.append(place)
        before = came[id(state)]
    return way
