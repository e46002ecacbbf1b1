"""The walk from the page directory base to a leaf, through the PRAMIN window, over what is installed."""

from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.errors import EINVAL, EIO
from nova_async.hw.bus import is_error_pattern
from nova_async.mm.pagetable.format import EntryFormat, Level
from nova_async.mm.pramin import PraminWindow


@dataclass(frozen=True, slots=True)
class Complete:
    """Every directory level is there."""

    pte_table: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A level is not there: ``install_addr`` is the slot, ``level`` the level that holds it."""

    install_addr: int
    level: Level


@dataclass(frozen=True, slots=True)
class PageTableMissing:
    """No leaf table covers the address."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """There is a leaf, and it is not valid."""

    pte_addr: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """There is a valid leaf."""

    pte_addr: int
    pfn: Pfn


WalkPdeResult = Complete | Missing
WalkResult = PageTableMissing | Unmapped | Mapped


def read_entry(window: PraminWindow, address: int) -> int:
    """An entry, or EIO where the bus answered with an error pattern: that must not be decoded (hazards.md B15).

    Raises:
        EIO: the device did not answer.
    """
    entry = window.try_read64(address)
    if is_error_pattern(entry, 8):
        raise EIO(f"page-table entry at {address:#x}: the bus answered {entry:#x}", expected="an entry")
    return entry


class PtWalk:
    """A walk of one address space."""

    __slots__ = ("_format", "_pdb")

    def __init__(self, pdb: int, entries: EntryFormat) -> None:
        self._pdb = pdb
        self._format = entries

    def walk_pde_levels(self, window: PraminWindow, vfn: int) -> WalkPdeResult:
        """Go down the directories to the leaf table of a virtual frame, or to the first slot that is empty.

        Raises:
            EINVAL: the frame is beyond the address width.
            EIO: the device did not answer.
        """
        self._check(vfn)
        table = self._pdb
        for level in self._format.directories:
            slot = level.slot(table, vfn)
            child = self.child(window, slot)
            if child is None:
                return Missing(slot, level)
            table = child
        return Complete(table)

    def child(self, window: PraminWindow, slot: int) -> int | None:
        """The table that a slot points to."""
        frame = self._format.pde_frame(read_entry(window, slot))
        return None if frame is None else frame.address()

    def walk_to_pte_lookup_with_window(self, window: PraminWindow, vfn: int) -> WalkResult:
        """What is installed for a virtual frame, under the caller's window."""
        found = self.walk_pde_levels(window, vfn)
        if isinstance(found, Missing):
            return PageTableMissing()
        pte_addr = pte_address(found.pte_table, vfn)
        pfn = self._format.pte_frame(read_entry(window, pte_addr))
        return Unmapped(pte_addr) if pfn is None else Mapped(pte_addr, pfn)

    def _check(self, vfn: int) -> None:
        limit = 1 << (self._format.va_bits - 12)
        if not 0 <= vfn < limit:
            raise EINVAL(f"{self._format.name} walk: virtual frame {vfn:#x}", expected=f"less than {limit:#x}")


def pte_address(table: int, vfn: int) -> int:
    """Where in a leaf table the entry of a virtual frame is."""
    return table + (vfn % 512) * 8
