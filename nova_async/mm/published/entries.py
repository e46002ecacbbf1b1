"""Page-table entries as every published version of the driver wrote and read them, January to May 2026.

The values are those of hardware.md 2.5. What :mod:`nova_async.mm.pagetable` does differently, on purpose, is here as
it was:

* a frame number too wide for its field loses its upper bits (hazards.md B6);
* any aperture but 0 makes a directory entry valid, and the address is read from the video field whatever the aperture
  (B13);
* a dual entry is two words, and whoever installs a small table writes both, the big half as 0 (B2);
* a word that the bus made up because nobody answered is decoded like any other (B15).
"""

from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT, Pfn
from nova_async.mm.pagetable.format import APERTURE_MASK, PDE_VIDEO, PTE_VALID, EntryFormat, Level

PTE_INVALID = 0


@dataclass(frozen=True, slots=True)
class PublishedEntries:
    """The entries of one MMU version.

    Attributes:
        layout: levels and field positions, which are the same as today.
    """

    layout: EntryFormat

    def pte(self, pfn: int, *, writable: bool) -> int:
        """A leaf; the frame is cut to the width of the field."""
        flags = self.layout.pte_writable if writable else self.layout.pte_read_only
        return self._frame_field(pfn) | flags

    def pte_frame(self, entry: int) -> Pfn | None:
        """The frame that a valid leaf maps."""
        return self._frame(entry) if entry & PTE_VALID else None

    def table(self, entry: int) -> int | None:
        """The address of the table that a directory entry, or the small half of a dual one, points to."""
        if not entry & APERTURE_MASK or (self.layout.pde_needs_clear_bit0 and entry & 1):
            return None
        return self._frame(entry) << PAGE_SHIFT

    def install_words(self, level: Level, table: int) -> tuple[tuple[int, int], ...]:
        """What to write to make an entry point to a table, as (offset in the entry, word), in this order."""
        pde = self._frame_field(table >> PAGE_SHIFT) | PDE_VIDEO
        return ((0, 0), (level.slot_offset, pde)) if level.is_dual else ((0, pde),)

    def _frame_field(self, pfn: int) -> int:
        return (pfn & ((1 << self.layout.frame_bits) - 1)) << self.layout.address_shift

    def _frame(self, entry: int) -> Pfn:
        return Pfn((entry >> self.layout.address_shift) & ((1 << self.layout.frame_bits) - 1))


def word_offsets(level: Level) -> tuple[int, ...]:
    """The words of an entry in the order in which they are read; the last one decides where the walk goes on."""
    return (0, level.slot_offset) if level.is_dual else (0,)


def entry_address(level: Level, table: int, vfn: int) -> int:
    """The first byte of the entry for a virtual frame: the driver's ``install_addr``.

    Bits above the address width are not looked at: a frame beyond it wraps around.
    """
    return level.slot(table, vfn) - level.slot_offset
