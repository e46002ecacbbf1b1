"""What an MMU version is to the driver: its levels and how entries are made.

Only 4 KiB leaves in video memory are ever written (hardware.md 2.5). The decoder of the hardware model is written from
the manuals' field tables and shares nothing with this.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, Pfn
from nova_async.errors import EINVAL

APERTURE_MASK = 0b110
PDE_VIDEO = 0b010
PTE_VALID = 1


@dataclass(frozen=True, slots=True)
class Level:
    """One level of directories.

    Attributes:
        name: nova's name, ``Pdb``, ``L1``, ….
        low_bit: the lowest bit of the VA that indexes it.
        entries: how many entries a table of this level uses.
        stride: bytes from one entry to the next; 16 where an entry is dual.
        slot_offset: where in an entry the pointer to a table of 4 KiB pages is: the high half of a dual entry.
    """

    name: str
    low_bit: int
    entries: int
    stride: int = 8
    slot_offset: int = 0

    @property
    def frame_shift(self) -> int:
        """How many bits of a virtual frame number lie below this level's index."""
        return self.low_bit - PAGE_SHIFT

    @property
    def is_dual(self) -> bool:
        """Whether an entry has a half for big and one for small pages."""
        return self.slot_offset != 0

    def slot(self, table: int, vfn: int) -> int:
        """The address of the entry for a virtual frame in the table at ``table``."""
        return table + ((vfn >> self.frame_shift) % self.entries) * self.stride + self.slot_offset

    def split(self, frames: range) -> Iterator[range]:
        """The parts of a range of virtual frames that one entry each covers."""
        step = 1 << self.frame_shift
        start = frames.start
        while start < frames.stop:
            stop = min(frames.stop, (start | (step - 1)) + 1)
            yield range(start, stop)
            start = stop


@dataclass(frozen=True, slots=True)
class EntryFormat:
    """The entries that the driver writes for one MMU version.

    Attributes:
        name: ``V2`` or ``V3``.
        directories: from the root down to the dual level.
        address_shift: where the frame number sits in an entry.
        frame_bits: how wide a video-memory frame number may be.
        pte_writable: the flags of a valid leaf, writable.
        pte_read_only: the flags of a valid leaf, read-only.
        pde_needs_clear_bit0: V2 uses bit 0 of a directory entry to say that it is a leaf.
        va_bits: the width of a virtual address.
    """

    name: str
    directories: tuple[Level, ...]
    address_shift: int
    frame_bits: int
    pte_writable: int
    pte_read_only: int
    pde_needs_clear_bit0: bool
    va_bits: int

    @property
    def pde_level_count(self) -> int:
        """How many levels of directories there are."""
        return len(self.directories)

    def check_frames(self, first: int, count: int) -> None:
        """Refuse frames wider than the field, which the published driver cuts off (hazards.md B6).

        Raises:
            EINVAL: the last frame does not fit.
        """
        last = first + count - 1
        if last >> self.frame_bits:
            raise EINVAL(f"{self.name} entry: frame {last:#x}", expected=f"a frame number of {self.frame_bits} bits")

    def pte(self, pfn: int, *, writable: bool) -> int:
        """A leaf that maps one frame of video memory."""
        self.check_frames(pfn, 1)
        return (pfn << self.address_shift) | (self.pte_writable if writable else self.pte_read_only)

    def pte_run(self, first: int, count: int, *, writable: bool) -> "array[int]":
        """Leaves for ``count`` consecutive frames."""
        self.check_frames(first, count)
        step = 1 << self.address_shift
        entry = self.pte(first, writable=writable)
        return array("Q", range(entry, entry + count * step, step))

    def pte_frame(self, entry: int) -> Pfn | None:
        """The frame that a leaf maps, None if it is not valid."""
        return self._frame(entry) if entry & PTE_VALID else None

    def pde(self, table: Pfn) -> int:
        """A directory entry, or the small half of a dual one, that points to a table."""
        self.check_frames(table, 1)
        return (table << self.address_shift) | PDE_VIDEO

    def pde_frame(self, entry: int) -> Pfn | None:
        """The frame of the table that a directory entry points to, None if it points to none.

        Only video memory counts: the address of any other aperture is a field of another width (hazards.md B13).
        """
        if entry & APERTURE_MASK != PDE_VIDEO or (self.pde_needs_clear_bit0 and entry & 1):
            return None
        return self._frame(entry)

    def _frame(self, entry: int) -> Pfn:
        return Pfn((entry >> self.address_shift) & ((1 << self.frame_bits) - 1))

    def pt_pages_upper_bound(self, pages: int) -> int:
        """The most table pages that mapping ``pages`` pages can need, the root counted (hardware.md 4.3)."""
        tables = -(-pages * 8 // PAGE_SIZE)
        total = tables
        for level in reversed(self.directories):
            tables = -(-tables // level.entries)
            total += tables
        return total
