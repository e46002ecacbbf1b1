"""Whether a program can go on for ever, read off the graph of its states once that is complete.

A stateful search never goes round in a circle, so it ends although the program might not. But it knows all circles:

- *trapped*: from some state nobody can ever finish, though somebody can always go on. A livelock, whatever the
  schedule.
- *fair*: there is a way out, and yet a circle in which everybody has turns who can go on again and again, so that even
  a strongly fair schedule may stay in it. A livelock as well, if only under some schedules.
- *unfair*: every circle leaves out somebody who can go on in it again and again. A fair schedule always ends.

Strongly connected components are those of Tarjan, "Depth-First Search and Linear Graph Algorithms", SIAM Journal on
Computing 1 (1972). Whether one allows a strongly fair run is found as in Emerson and Lei, "Modalities for Model
Checking", Science of Computer Programming 8 (1987): take out the states in which somebody can go on who never does, and
look again. All of it takes time and space in proportion to the graph; the last once more for every task left out.

A search that leaves out what others make up for (persistent sets) has, from each of its states, a way to an end if
there is any; and it has a circle if the whole graph has one. So *trapped*, and whether there are circles at all, hold
for the program. Whether a circle is fair is known of those that were visited.

Nobody has to be killed: a step that kills may be taken, but does not count as a way out, nor is fairness owed to it.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nova_async.explore.continuation import KILLER
from nova_async.explore.strategies.state_graph import State

ROUNDS = 8
"""A repetition is seen from three rounds on, see :mod:`~nova_async.explore.progress`."""

ENOUGH = 128
"""Steps, for a circle that is small."""


class Circles(StrEnum):
    """What kind of circles a graph has, the worst of them."""

    TRAPPED = "trapped"
    """Whoever is in one never gets out."""
    FAIR = "fair"
    """There is a way out, and a fair schedule need not take it."""
    UNFAIR = "unfair"
    """A fair schedule gets out."""


@dataclass(frozen=True, slots=True)
class Endless:
    """An execution that does not end.

    Attributes:
        kind: of its circle.
        way: the place of the option to choose in each state, from the start to the circle.
        round: the same once round the circle; it visits all that belongs to the circle.
        tasks: who takes steps in it, by key.
    """

    kind: Circles
    way: tuple[int, ...]
    round: tuple[int, ...]
    tasks: tuple[str, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The way, and so often round that the last half of the steps is nothing else."""
        return self.way + self.round * (ROUNDS + (len(self.way) + ENOUGH) // len(self.round))


Component = list[State]


def endless(start: State) -> Endless | None:
    """The worst circle of a complete graph, the one nearest to the start; None if every execution ends.

    Args:
        start: what comes before the first choice. Nothing may be left to try, and no step may have been left out for
            another reason than that others make up for it: not with a bound on preemptions or on steps.
    """
    found = _Tarjan().run(reachable(start))
    cyclic = [each for each in found if is_cyclic(each)]
    if not cyclic:
        return None
    doomed = _cannot_end(found)
    trapped = [each for each in cyclic if id(each[0]) in doomed]
    if trapped:
        return _lasso(Circles.TRAPPED, trapped)
    fair = [part for each in cyclic for part in fair_parts(each)]
    return _lasso(Circles.FAIR, fair) if fair else _lasso(Circles.UNFAIR, cyclic)


def reachable(start: State) -> list[State]:
    """All states, by whatever steps."""
    seen, found = {id(start)}, [start]
    for state in found:
        for after in state.next:
            if after is not None and id(after) not in seen:
                seen.add(id(after))
                found.append(after)
    return found


def onward(state: State) -> Iterator[tuple[int, State]]:
    """Where the steps lead that kill nobody, each with its place."""
    for place, after in enumerate(state.next):
        if after is not None and not kills(state.options[place]):
            yield place, after


def kills(option: str) -> bool:
    """Whether a step is that of a killer."""
    return KILLER in option


class _Tarjan:
    """The strongly connected components, each after all that it leads to.

    Without recursion: a path may have as many states as the graph.

    Args:
        inside: the ids of the states to look at; None for all.
    """

    def __init__(self, inside: Collection[int] | None = None) -> None:
        self._inside = inside
        self._low: dict[int, int] = {}
        self._stack: list[State] = []
        self._open: dict[int, int] = {}
        self._found: list[Component] = []
        self._path: list[tuple[State, Iterator[State]]] = []

    def run(self, starts: Iterable[State]) -> list[Component]:
        for start in starts:
            if id(start) not in self._low:
                self._enter(start)
            while self._path:
                self._go_on()
        return self._found

    def _enter(self, state: State) -> None:
        self._low[id(state)] = self._open[id(state)] = len(self._low)
        self._stack.append(state)
        self._path.append((state, self._after(state)))

    def _after(self, state: State) -> Iterator[State]:
        inside = self._inside
        return (after for _, after in onward(state) if inside is None or id(after) in inside)

    def _go_on(self) -> None:
        state, rest = self._path[-1]
        low = self._low
        for after in rest:
            if id(after) not in low:
                self._enter(after)
                return
            if id(after) in self._open:
                low[id(state)] = min(low[id(state)], self._open[id(after)])
        self._leave(state)

    def _leave(self, state: State) -> None:
        self._path.pop()
        low = self._low
        if self._path:
            before = id(self._path[-1][0])
            low[before] = min(low[before], low[id(state)])
        if low[id(state)] == self._open[id(state)]:
            self._close(state)

    def _close(self, root: State) -> None:
        component: Component = []
        while not component or component[-1] is not root:
            component.append(self._stack.pop())
            del self._open[id(component[-1])]
        self._found.append(component)


def is_cyclic(component: Component) -> bool:
    """Whether one can go round in it."""
    return len(component) > 1 or any(after is component[0] for _, after in onward(component[0]))


def ends(state: State) -> bool:
    """Whether an execution ends with some step from here, one way or another."""
    not_taken = {*state.untried, *state.left_out}
    taken = ((place, after) for place, after in enumerate(state.next) if place not in not_taken)
    return any(after is None and not kills(state.options[place]) for place, after in taken)


def _cannot_end(found: Sequence[Component]) -> set[int]:
    """The ids of the states from which no end can be reached; a component comes after all that it leads to."""
    doomed: set[int] = set()
    for component in found:
        members = set(map(id, component))
        outside = (after for state in component for _, after in onward(state) if id(after) not in members)
        if not any(map(ends, component)) and all(id(after) in doomed for after in outside):
            doomed |= members
    return doomed


def fair_parts(component: Component) -> list[Component]:
    """The parts in which one can go round for ever under a strongly fair schedule."""
    fair = []
    left = [component]
    while left:
        part = left.pop()
        if not is_cyclic(part):
            continue
        starved = _able(part) - set(_busy(part))
        if not starved:
            fair.append(part)
            continue
        rest = [state for state in part if starved.isdisjoint(_tasks(state))]
        left += _Tarjan(set(map(id, rest))).run(rest)
    return fair


def _tasks(state: State) -> tuple[str, ...]:
    """Who can take a step; nobody where a value is chosen."""
    return () if is_data_choice(state) else tuple(option for option in state.options if not kills(option))


def is_data_choice(state: State) -> bool:
    """Whether a value is chosen here and not a task: the options are numbers from 0, which are no names of tasks."""
    return state.options == tuple(map(str, range(len(state.options))))


def _able(part: Component) -> set[str]:
    return {task for state in part for task in _tasks(state)}


def _busy(part: Component) -> dict[str, None]:
    """Who takes a step inside, in the order of the states."""
    members = set(map(id, part))
    return {task: None for state in reversed(part) for task, _ in _steps(state, members)}


def _steps(state: State, members: Collection[int]) -> Iterator[tuple[str, int]]:
    """The tasks that can take a step to inside, each with its place."""
    if not is_data_choice(state):
        yield from ((state.options[place], place) for place, after in onward(state) if id(after) in members)


def _lasso(kind: Circles, parts: Sequence[Component]) -> Endless:
    part = min(parts, key=lambda states: min(state.depth for state in states))
    first = min(part, key=lambda state: state.depth)
    return Endless(kind, _way_to(first), tuple(_round(first, part)), tuple(_busy(part)))


def _way_to(state: State) -> tuple[int, ...]:
    way = []
    while state.before is not None:
        state, place = state.before
        way.append(place)
    return tuple(reversed(way))


def _round(first: State, part: Component) -> Iterator[int]:
    """A closed walk in which each task takes a step that takes any."""
    members = set(map(id, part))
    here = first
    for landmark in _landmarks(part, members):
        yield from _walk(here, landmark.state, members)
        yield landmark.place
        here = landmark.after
    yield from _walk(here, first, members)


@dataclass(frozen=True, slots=True)
class _Landmark:
    """A step inside that the walk has to take."""

    state: State
    place: int
    after: State


def _landmarks(part: Component, members: Collection[int]) -> Iterator[_Landmark]:
    """For each task one of its steps."""
    busy = set[str]()
    for state in reversed(part):
        for task, place in _steps(state, members):
            after = state.next[place]
            if after is not None and task not in busy:
                busy.add(task)
                yield _Landmark(state, place, after)


def _walk(here: State, there: State, members: Collection[int]) -> list[int]:
    """The shortest way inside."""
    came: dict[int, tuple[State, int] | None] = {id(here): None}
    queue = deque([here])
    while id(there) not in came:
        state = queue.popleft()
        for place, after in onward(state):
            if id(after) in members and id(after) not in came:
                came[id(after)] = state, place
                queue.append(after)
    way = []
    before = came[id(there)]
    while before is not None:
        state, place = before
        way.append(place)
        before = came[id(state)]
    return way[::-1]
