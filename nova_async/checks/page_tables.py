"""Page tables as the shadow remembers them: tables, and runs of leaves in them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from nova_async.address import PAGE_SHIFT
from nova_async.hw.mmu.census import Table

CHUNK_SHIFT = 9
"""A last-level table covers 2 MiB of addresses, 512 virtual frames."""


class Node:
    """A table in use. One that two entries point to has two nodes.

    Attributes:
        root: of its address space.
        table: as the census describes it.
        parent: None for the root.
        leaves: its valid leaf entries, ascending.
        children: the tables that its entries point to, by entry.
        alive: it has not been taken out.
        first: the first virtual frame it covers.
        step: how many 4 KiB frames one entry covers.
    """

    __slots__ = ("alive", "children", "first", "leaves", "parent", "root", "step", "table")

    def __init__(self, root: "Root", table: Table, parent: "Node | None" = None) -> None:
        self.root = root
        self.table = table
        self.parent = parent
        self.leaves: list[Leaf] = []
        self.children: dict[int, tuple[Node, ...]] = {}
        self.alive = True
        self.first = table.va >> PAGE_SHIFT
        self.step = table.kind.covers >> PAGE_SHIFT

    def vfns(self, entries: range) -> range:
        """The virtual frames of some entries."""
        return range(self.first + entries.start * self.step, self.first + entries.stop * self.step)

    def leaves_at(self, start: int, stop: int) -> slice:
        """Which of the leaves have an entry from ``start`` up to ``stop``."""
        leaves = self.leaves
        first = bisect_right(leaves, start, key=index_of)
        if first and leaves[first - 1].stop > start:
            first -= 1
        return slice(first, bisect_left(leaves, stop, first, key=index_of))


class Leaf:
    """Valid leaf entries side by side that map frames side by side, in one table.

    Attributes:
        node: the table.
        index: of the first entry.
        stop: behind the last one.
        word: the first entry.
        vfns: the virtual frames.
        frames: the frames mapped; none if they are not in video memory.
        serial: tells leaves apart, in the order in which they appeared.
    """

    __slots__ = ("frames", "index", "node", "serial", "stop", "vfns", "word")

    def __init__(self, node: Node, entries: range, word: int, frame: int | None, serial: int) -> None:
        self.node = node
        self.index = entries.start
        self.stop = entries.stop
        self.word = word
        self.vfns = vfns = node.vfns(entries)
        self.frames = range(0) if frame is None else range(frame, frame + len(vfns))
        self.serial = serial


def index_of(leaf: Leaf) -> int:
    """Its first entry, by which leaves are kept in order."""
    return leaf.index


@dataclass(slots=True, eq=False)
class Root:
    """One address space.

    Attributes:
        pdb: the address of the root directory.
        node: its table, None until it is watched.
        last_level: the tables of the last level, by which 2 MiB of addresses they cover.
        huge: leaves above the last level, by serial.
        version: goes up with every change.
    """

    pdb: int
    node: Node | None = None
    last_level: dict[int, list[Node]] = field(default_factory=dict)
    huge: dict[int, Leaf] = field(default_factory=dict)
    version: int = 0

    def leaves_in(self, vfns: range) -> Iterator[Leaf]:
        """The leaves that map any of these virtual frames, ascending by table."""
        for leaf in self.huge.values():
            if overlap(leaf.vfns, vfns):
                yield leaf
        chunks = range(vfns.start >> CHUNK_SHIFT, (vfns.stop - 1 >> CHUNK_SHIFT) + 1)
        few = len(chunks) <= len(self.last_level)
        for chunk in chunks if few else sorted(chunk for chunk in self.last_level if chunk in chunks):
            for node in self.last_level.get(chunk, ()):
                start = (vfns.start - node.first) // node.step
                stop = -((node.first - vfns.stop) // node.step)
                yield from node.leaves[node.leaves_at(start, stop)]


def overlap(one: range, other: range) -> bool:
    """Whether two ranges have a number in common."""
    return one.start < other.stop and other.start < one.stop
