"""Page tables as the shadow remembers them: tables, and runs of leaves in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nova_async.address import PAGE_SHIFT
from nova_async.hw.mmu.census import Table

CHUNK_SHIFT = 9
"""A last-level table covers 2 MiB of addresses, 512 virtual frames."""


@dataclass(slots=True, eq=False)
class Node:
    """A table in use. One that two entries point to has two nodes.

    Attributes:
        root: of its address space.
        table: as the census describes it.
        parent: None for the root.
        leaves: its valid leaf entries, ascending.
        children: the tables that its entries point to, by entry.
        alive: it has not been taken out.
    """

    root: "Root"
    table: Table
    parent: "Node | None" = None
    leaves: "list[Leaf]" = field(default_factory=list)
    children: "dict[int, tuple[Node, ...]]" = field(default_factory=dict)
    alive: bool = True

    @property
    def frames_per_entry(self) -> int:
        """How many 4 KiB frames one entry covers."""
        return self.table.kind.covers >> PAGE_SHIFT


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """Valid leaf entries side by side that map frames side by side, in one table.

    Attributes:
        node: the table.
        index: of the first entry.
        count: how many entries.
        frame: the first frame mapped; None if it is not in video memory.
        serial: tells leaves apart, in the order in which they appeared.
    """

    node: Node
    index: int
    count: int
    frame: int | None
    serial: int

    @property
    def vfns(self) -> range:
        """The virtual frames."""
        step = self.node.frames_per_entry
        first = (self.node.table.va >> PAGE_SHIFT) + self.index * step
        return range(first, first + self.count * step)

    @property
    def frames(self) -> range:
        """The frames mapped; none if they are not in video memory."""
        if self.frame is None:
            return range(0)
        return range(self.frame, self.frame + self.count * self.node.frames_per_entry)


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
                yield from (leaf for leaf in node.leaves if overlap(leaf.vfns, vfns))


def overlap(one: range, other: range) -> bool:
    """Whether two ranges have a number in common."""
    return one.start < other.stop and other.start < one.stop
