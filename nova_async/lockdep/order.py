"""A topological order kept while edges arrive, so that most new edges need no search for a cycle.

Nodes on a common cycle form one component; the components stand in a line, and every edge between two of them
points forward. An edge that points forward already cannot close a cycle. One that points backward is searched from
both ends in turns, and the side that is exhausted first moves: the cost is that of the smaller side (Bender, Fineman,
Gilbert, Tarjan, "A New Approach to Incremental Cycle Detection", 2016, section 2, with integer labels instead of an
ordered-list structure).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

SPACING = 1 << 64
"""Between two neighbours after renumbering; labels are plain integers, so there is no end to run into."""

STRIDE = 1 << 32
"""Between nodes placed together: leaves room both between them and for as many again."""

_END = -1
"""Stands before the first and after the last component."""


class TopologicalOrder:
    """Components of a growing graph, in topological order.

    Args:
        after: by node, its successors; kept by the caller.
        before: by node, its predecessors; kept by the caller.
    """

    def __init__(self, after: Sequence[Collection[int]], before: Sequence[Collection[int]]) -> None:
        self._after = after
        self._before = before
        self._leader: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._label: list[int] = []
        self._left: dict[int, int] = {_END: _END}
        self._right: dict[int, int] = {_END: _END}

    def add_node(self) -> None:
        """A node without edges, at the end of the line."""
        node = len(self._leader)
        self._leader.append(node)
        left, right = self._left, self._right
        last = left[_END]
        self._label.append(0 if last == _END else self._label[last] + SPACING)
        left[node], right[node] = last, _END
        left[_END] = right[last] = node

    def component(self, node: int) -> int:
        """The node that stands for all those on a common cycle with ``node``."""
        leader = self._leader
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    def add_edge(self, source: int, target: int) -> bool:
        """Learn an edge that ``after`` and ``before`` have already; whether it lies on a cycle."""
        low, high = self.component(target), self.component(source)
        if low == high:
            return True
        if self._label[high] < self._label[low]:
            return False
        ahead = _Search(low, self._successors)
        behind = _Search(high, self._predecessors)
        label = self._label
        while True:
            if not ahead.advance(lambda node: label[node] <= label[high]):
                self._move(ahead.found, after=high, beside_left=False)
                return False
            if not behind.advance(lambda node: label[node] >= label[low]):
                self._move(behind.found, after=self._left[low], beside_left=True)
                return False
            if high in ahead.found or low in behind.found:
                self._merge(low, high)
                return True

    def _successors(self, node: int) -> Iterator[int]:
        for member in self._members.get(node, (node,)):
            yield from map(self.component, self._after[member])

    def _predecessors(self, node: int) -> Iterator[int]:
        for member in self._members.get(node, (node,)):
            yield from map(self.component, self._before[member])

    def _merge(self, low: int, high: int) -> None:
        """Make one component, in the place of ``high``, of everything on a path from ``low`` to ``high``."""
        label = self._label
        ahead = _Search(low, self._successors)
        while ahead.advance(lambda node: label[node] <= label[high]):
            pass
        reached = ahead.found
        behind = _Search(high, self._predecessors)
        while behind.advance(reached.__contains__):
            pass
        merged = [node for node in behind.found if node != high]
        self._move([node for node in reached if node not in behind.found], after=high, beside_left=False)
        members = self._members.setdefault(high, [high])
        for node in merged:
            self._leader[node] = high
            members.extend(self._members.pop(node, (node,)))
            self._unlink(node)

    def _move(self, nodes: Iterable[int], after: int, *, beside_left: bool) -> None:
        """Put ``nodes`` right after ``after``, in the order they are in.

        ``after`` itself must not be among them.
        """
        ordered = sorted(nodes, key=self._label.__getitem__)
        for node in ordered:
            self._unlink(node)
        for node in reversed(ordered):
            self._link(after, node)
        self._number(ordered, beside_left=beside_left)

    def _number(self, placed: list[int], *, beside_left: bool) -> None:
        """Label nodes that were just linked, near the neighbour that the next to come will not stand beside."""
        if not placed:
            return
        left, right = self._left[placed[0]], self._right[placed[-1]]
        places = len(placed) + 1
        if right == _END:
            stride = SPACING
            start = self._label[left] if left != _END else 0
        elif left == _END:
            stride = SPACING
            start = self._label[right] - stride * places
        else:
            stride = min(STRIDE, (self._label[right] - self._label[left]) // places)
            start = self._label[left] if beside_left else self._label[right] - stride * places
        for count, node in enumerate(placed, 1):
            self._label[node] = start + count * stride
        if stride == 0:
            self._renumber()

    def _renumber(self) -> None:
        label, node = 0, self._right[_END]
        while node != _END:
            self._label[node] = label
            label += SPACING
            node = self._right[node]

    def _link(self, left: int, node: int) -> None:
        right = self._right[left]
        self._left[node], self._right[node] = left, right
        self._right[left] = self._left[right] = node

    def _unlink(self, node: int) -> None:
        left, right = self._left.pop(node), self._right.pop(node)
        self._right[left], self._left[right] = right, left


class _Search:
    """One end of the two-way search, a step at a time."""

    def __init__(self, start: int, neighbours: Callable[[int], Iterator[int]]) -> None:
        self.found: dict[int, None] = {start: None}
        self._neighbours = neighbours
        self._todo = [neighbours(start)]

    def advance(self, wanted: Callable[[int], bool]) -> bool:
        """Look along one more edge; False when there is none left."""
        while self._todo:
            node = next(self._todo[-1], None)
            if node is None:
                self._todo.pop()
                continue
            if node not in self.found and wanted(node):
                self.found[node] = None
                self._todo.append(self._neighbours(node))
            return True
        return False
