"""The path of choices that depth-first strategies walk."""

from collections.abc import Sequence

from nova_async.errors import ReplayDiverged


class Branching:
    """One choice on the path: what could be chosen there, and what is being tried.

    Attributes:
        options: the alternatives, in the order in which they are tried.
        size: how many there were to choose from, some of which may not be tried.
    """

    __slots__ = ("options", "position", "size")

    def __init__(self, options: Sequence[int], size: int) -> None:
        self.options = options
        self.size = size
        self.position = 0


class Path:
    """The choices of the present execution, the last of which is the first to change."""

    def __init__(self) -> None:
        self._nodes: list[Branching] = []
        self._depth = 0
        self._started = False

    def begin(self) -> bool:
        """Turn to the next path in depth-first order; False if this was the last one."""
        self._depth = 0
        if not self._started:
            self._started = True
            return True
        nodes = self._nodes
        while nodes:
            node = nodes[-1]
            node.position += 1
            if node.position < len(node.options):
                return True
            nodes.pop()
        return False

    def rewind(self) -> None:
        """Make the same choices again."""
        self._depth = 0

    def repeat(self, size: int) -> int | None:
        """What this path chose here, out of ``size``; None at its end, where :meth:`extend` comes next.

        Raises:
            ReplayDiverged: the same choices led to another number of alternatives.
        """
        if self._depth == len(self._nodes):
            return None
        node = self._nodes[self._depth]
        if node.size != size:
            raise ReplayDiverged(
                f"step {self._depth + 1}: {size} alternatives where the same choices led to {node.size} before; "
                "something that the explorer does not control decides"
            )
        self._depth += 1
        return node.options[node.position]

    def extend(self, options: Sequence[int], size: int) -> int:
        """Put a new choice at the end and take its first option."""
        self._nodes.append(Branching(options, size))
        self._depth += 1
        return options[0]

    def remaining(self) -> int:
        """How many alternatives on the path were not tried yet."""
        return sum(len(node.options) - node.position - 1 for node in self._nodes)
