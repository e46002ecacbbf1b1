"""One node of the buddy tree."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum


class State(Enum):
    """What a node stands for."""

    ALLOCATED = "allocated"
    FREE = "free"
    SPLIT = "split"


@dataclass(slots=True, eq=False)
class Block:
    """A power-of-two piece of the space, aligned to its own size.

    Attributes:
        offset: first byte, counted from the start of the space.
        size: bytes; the chunk size shifted by the order.
        order: 0 for one chunk.
        parent: what it was split from; none for a root.
        clear: known to be zeroed. Never set on a split block: the halves know.
        halves: left and right, once split.
        birth: a name for this allocation that does not depend on where it was placed. Its owner sets it; the
            allocator forgets it when the block is freed.
    """

    offset: int
    size: int
    order: int
    parent: "Block | None" = field(default=None, repr=False)
    clear: bool = False
    state: State = State.FREE
    halves: "tuple[Block, ...]" = field(default=(), repr=False)
    birth: Hashable = None

    @property
    def end(self) -> int:
        """The first byte after the block."""
        return self.offset + self.size

    def within(self, start: int, end: int) -> bool:
        """Whether no byte lies outside ``[start, end)``."""
        return start <= self.offset and self.offset + self.size <= end

    def overlaps(self, start: int, end: int) -> bool:
        """Whether any byte lies inside ``[start, end)``."""
        return self.offset < end and start < self.offset + self.size


def total_size(blocks: list[Block]) -> int:
    """How many bytes the blocks are together."""
    return sum(block.size for block in blocks)
