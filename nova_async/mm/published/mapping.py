"""A mapping on its way through the published code. Neither phase says which Vmm it belongs to (hazards.md B5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nova_async.errors import EINVAL
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import TablePage
from nova_async.mm.pagetable.format import Level
from nova_async.mm.published.blocks import drop_range


class WarnOnce:
    """``pr_warn_once``: a message is told the first time only, so a second leak is silent (hazards.md h).

    Attributes:
        told: the messages, in order.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def warn(self, message: str) -> None:
        """Tell it unless it was told before."""
        if message not in self.told:
            self.told.append(message)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPtPage:
    """A zeroed table page that waits for its slot to be written.

    Attributes:
        alloc: its VRAM.
        level: the level that holds the slot; a dual entry is written differently.
    """

    alloc: AllocatedBlocks
    level: Level

    @property
    def address(self) -> int:
        """The page's VRAM address."""
        return self.alloc.address


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A range as observers see it: the published one knows nothing of its table pages.

    Attributes:
        frames: the virtual frames.
        va: the allocation.
        tables: all pages that wait to be installed, by whoever comes first.
        half_done: never; what could not be done is forgotten.
    """

    frames: range
    va: AllocatedBlocks
    tables: Sequence[TablePage]
    half_done: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A prepared page as observers see it: the entry that will point to it, and its VRAM."""

    slot: int
    alloc: AllocatedBlocks


@dataclass(slots=True, eq=False)
class Range:
    """An address range that one value owns; who moves the value moves the range.

    Attributes:
        vfn_start: the first virtual frame.
        num_pages: how many.
        va: the allocation, gone to its buddy when the value is dropped.
    """

    vfn_start: int
    num_pages: int
    va: AllocatedBlocks
    moved: bool = field(default=False, init=False)

    @property
    def frames(self) -> range:
        """The virtual frames."""
        return range(self.vfn_start, self.vfn_start + self.num_pages)

    def move(self) -> None:
        """Hand the value over; Rust's compiler refuses a second use, the model does it here.

        Raises:
            EINVAL: it was moved before.
        """
        if self.moved:
            raise EINVAL(f"{type(self).__name__} at {self.vfn_start:#x}: used after it was moved")
        self.moved = True

    async def drop(self) -> None:
        """The value goes out of scope: the range is free. Entries and table pages stay as they are.

        Raises:
            EINVAL: it was moved before.
        """
        self.move()
        await drop_range(self.va)


@dataclass(slots=True, eq=False)
class PreparedMapping(Range):
    """What prepare hands to execute: the address range. The table pages stay with the Vmm (hazards.md f)."""


@dataclass(slots=True, eq=False)
class MappedRange(Range):
    """What execute hands out. Dropping it without an unmap frees the addresses under live entries (hazards.md h).

    Attributes:
        log: where the drop complains.
        armed: it does.
    """

    log: WarnOnce
    armed: bool = field(default=True, init=False)

    async def drop(self) -> None:
        """Free the addresses, and complain if nobody unmapped them.

        Raises:
            EINVAL: it was moved before.
        """
        self.move()
        await self.end()

    async def end(self) -> None:
        """The same, at the end of the call that it was moved into."""
        if self.armed:
            self.log.warn("MappedRange dropped without calling unmap_pages()")
        await drop_range(self.va)
