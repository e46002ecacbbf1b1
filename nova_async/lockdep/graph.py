"""Which class was taken while which was held, and whether that closes a cycle in which tasks can block each other.

An edge keeps the kinds in which it was seen, and the first witness of each. A path is *strong* if nowhere on it a step
to a recursive reader is followed by a step from a reader: such a reader would not wait for the other. A deadlock is
possible exactly if there is a closed strong path (lockdep.md 1.5).
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nova_async.lockdep.classes import LockClass, Mode
from nova_async.lockdep.order import TopologicalOrder
from nova_async.lockdep.places import Where

# Kinds of an edge, one bit each: held Exclusive or Shared, then taken as Recursive reader or Not.
ER, EN, SR, SN = 1, 2, 4, 8
FROM_EXCLUSIVE = ER | EN
TO_BLOCKING = EN | SN
"""The taker waits whoever holds the lock; a recursive reader waits for writers only."""


def kind_of(held: int, taken: int) -> int:
    """The kind of the edge from a lock held in one mode to a lock taken in another."""
    return (ER if held == Mode.EXCLUSIVE else SR) << (taken != Mode.RECURSIVE_READ)


@dataclass(frozen=True, slots=True)
class EdgeWitness:
    """Who took the second lock while holding the first, and where both were taken."""

    task: str
    held_at: Where
    taken_at: Where
    manner: str = ""


class Edge:
    """``taken`` was taken while ``held`` was held.

    Attributes:
        colour: what a path over this edge is about (see :func:`~.contexts.colour`).
        witnesses: by kind, the first to do it.
    """

    __slots__ = ("colour", "held", "kinds", "taken", "witnesses")

    def __init__(self, held: LockClass, taken: LockClass, colour: int) -> None:
        self.held = held
        self.taken = taken
        self.colour = colour
        self.kinds = 0
        self.witnesses: dict[int, EdgeWitness] = {}

    @property
    def first(self) -> EdgeWitness:
        """The first witness of all."""
        return next(iter(self.witnesses.values()))

    def __repr__(self) -> str:
        return f"Edge({self.held.name} -> {self.taken.name})"


class Link(NamedTuple):
    """An edge of a path, in the kind that makes the path strong."""

    edge: Edge
    kind: int

    @property
    def witness(self) -> EdgeWitness:
        """Who did it first."""
        return self.edge.witnesses[self.kind]


Cycle = tuple[Link, ...]
"""A closed strong path; the first link is the one that closed it."""

# A state of the search: class, what the path was about so far, and whether its last step can only be a recursive read.
_COLOURS = 4
_PER_CLASS = 2 * _COLOURS
EXCLUSIVE_COLOUR = 2
"""From this colour on, a path may have one such edge only: it is the one step through the fence."""


def _ignore(_graph: "Graph") -> None:
    pass


class Graph:
    """Every class and every edge, in order of appearance.

    Attributes:
        classes: the classes, by index.
        changed: is called with the graph when it has learned an edge, or another kind of one.
    """

    def __init__(self) -> None:
        self.classes: list[LockClass] = []
        self.changed: Callable[[Graph], None] = _ignore
        self._after: list[dict[int, Edge]] = []
        self._before: list[list[int]] = []
        self._order = TopologicalOrder(self._after, self._before)

    def add_class(self, cls: LockClass) -> None:
        """Learn a class; they come in order of their index."""
        self.classes.append(cls)
        self._after.append({})
        self._before.append([])
        self._order.add_node()

    def edges(self) -> Iterator[Edge]:
        """Every edge, by the class held and then in order of appearance."""
        for after in self._after:
            yield from after.values()

    def edge(self, held: LockClass, taken: LockClass) -> Edge | None:
        """The edge between two classes, if somebody went along it."""
        return self._after[held.index].get(taken.index)

    def knows(self, held: LockClass, taken: LockClass, kind: int) -> bool:
        """Whether this was seen before."""
        edge = self._after[held.index].get(taken.index)
        return edge is not None and bool(edge.kinds & kind)

    def add(self, held: LockClass, taken: LockClass, kind: int, witness: EdgeWitness, colour: int) -> tuple[Cycle, ...]:
        """Learn an edge that :meth:`knows` not; the shortest cycle of each colour that it closes."""
        edge = self._after[held.index].get(taken.index)
        if edge is None:
            edge = self._after[held.index][taken.index] = Edge(held, taken, colour)
            self._before[taken.index].append(held.index)
            on_cycle = self._order.add_edge(held.index, taken.index)
        else:
            on_cycle = self._order.component(held.index) == self._order.component(taken.index)
        edge.kinds |= kind
        edge.witnesses[kind] = witness
        self.changed(self)
        if not on_cycle:
            return ()
        closing = Link(edge, kind)
        return tuple((closing, *path) for path in _Search(closing, self.successors).paths())

    def way(self, closing: Link) -> Cycle | None:
        """The shortest strong path from the lock that ``closing`` takes to the one it holds; it need not be an edge."""
        return next(_Search(closing, lambda index: iter(self._after[index].items())).paths(), None)

    def successors(self, index: int) -> Iterator[tuple[int, Edge]]:
        """The edges from a class that stay among the classes it shares a cycle with."""
        component = self._order.component
        home = component(index)
        for target, edge in self._after[index].items():
            if component(target) == home:
                yield target, edge


class _Search:
    """Breadth first from the lock taken back to the lock held, over states instead of classes.

    The kernel marks classes, and so never looks again at one it first reached over a weak edge (lockdep.md X3).
    """

    def __init__(self, closing: Link, successors: Callable[[int], Iterator[tuple[int, Edge]]]) -> None:
        self._successors = successors
        edge, kind = closing
        self._goal = edge.held.index
        self._goal_exclusive = bool(kind & FROM_EXCLUSIVE)
        weak = not kind & TO_BLOCKING
        self._start = _state(edge.taken.index, edge.colour, weak=weak)
        self._came: dict[int, tuple[int, Link] | None] = {self._start: None}

    def paths(self) -> Iterator[Cycle]:
        """The shortest path of each colour."""
        found: set[int] = set()
        todo = deque([self._start])
        while todo:
            state = todo.popleft()
            node, colour, weak = _parts(state)
            if node != self._goal or (weak and not self._goal_exclusive):
                todo.extend(self._steps(state))
            elif colour not in found:
                found.add(colour)
                path = self._path(state)
                if path is not None:
                    yield path

    def _steps(self, state: int) -> Iterator[int]:
        node, colour, weak = _parts(state)
        for target, edge in self._successors(node):
            kinds = edge.kinds & FROM_EXCLUSIVE if weak else edge.kinds
            if not kinds or (colour >= EXCLUSIVE_COLOUR and edge.colour >= EXCLUSIVE_COLOUR):
                continue
            blocking = kinds & TO_BLOCKING
            reached = _state(target, max(colour, edge.colour), weak=not blocking)
            # A state reached by a blocking step can do all that the same reached by a recursive reader can.
            if reached in self._came or reached & ~1 in self._came:
                continue
            chosen = blocking or kinds
            self._came[reached] = (state, Link(edge, chosen & -chosen))
            yield reached

    def _path(self, state: int) -> Cycle | None:
        """The links to ``state``; None if it is a detour through a class that another colour left already."""
        links: list[Link] = []
        seen = {state // _PER_CLASS: state // 2}
        came = self._came[state]
        while came is not None:
            state, link = came
            links.append(link)
            if seen.setdefault(state // _PER_CLASS, state // 2) != state // 2:
                return None
            came = self._came[state]
        return tuple(reversed(links))


def _state(index: int, colour: int, *, weak: bool) -> int:
    return index * _PER_CLASS + colour * 2 + weak


def _parts(state: int) -> tuple[int, int, bool]:
    return state // _PER_CLASS, state // 2 % _COLOURS, bool(state & 1)
