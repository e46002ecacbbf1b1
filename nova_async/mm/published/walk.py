"""The published walk: read every level of every page, both halves of the dual entry included.

A full look-up costs 6 reads on V2 and 7 on V3 (hardware.md 4.3).
"""

from collections.abc import Callable

from nova_async.mm.pagetable.format import Level
from nova_async.mm.pagetable.walk import (
    Complete,
    Mapped,
    Missing,
    PageTableMissing,
    Unmapped,
    WalkPdeResult,
    WalkResult,
    pte_address,
)
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.published.entries import PublishedEntries, entry_address, word_offsets

Resolver = Callable[[int], int | None]
"""From a slot address to the VRAM address of the table prepared for it."""


def nothing_prepared(install_addr: int) -> int | None:  # noqa: ARG001  the resolver's signature
    """The resolver for a walk of what is installed only."""
    return None


class PtWalk:
    """A walk of one address space.

    Args:
        pdb: the address of the root.
        entries: how its entries are read.
    """

    __slots__ = ("_entries", "_pdb")

    def __init__(self, pdb: int, entries: PublishedEntries) -> None:
        self._pdb = pdb
        self._entries = entries

    def walk_pde_levels(
        self, window: PraminWindow, vfn: int, resolve_prepared: Resolver = nothing_prepared
    ) -> WalkPdeResult:
        """Go down to the leaf table. What is installed counts first, then what the resolver knows.

        Raises:
            EINVAL: an entry points outside VRAM.
            EIO: a fault of the bus was injected.
        """
        table = self._pdb
        for level in self._entries.layout.directories:
            install_addr = entry_address(level, table, vfn)
            child = self._read(window, level, install_addr)
            if child is None:
                child = resolve_prepared(install_addr)
            if child is None:
                return Missing(install_addr, level)
            table = child
        return Complete(table)

    def walk_to_pte_lookup_with_window(self, window: PraminWindow, vfn: int) -> WalkResult:
        """What is installed for a virtual frame.

        Raises:
            EINVAL: an entry points outside VRAM.
            EIO: a fault of the bus was injected.
        """
        found = self.walk_pde_levels(window, vfn)
        if isinstance(found, Missing):
            return PageTableMissing()
        pte_addr = pte_address(found.pte_table, vfn)
        pfn = self._entries.pte_frame(window.try_read64(pte_addr))
        return Unmapped(pte_addr) if pfn is None else Mapped(pte_addr, pfn)

    def _read(self, window: PraminWindow, level: Level, install_addr: int) -> int | None:
        word = 0
        for offset in word_offsets(level):
            word = window.try_read64(install_addr + offset)
        return self._entries.table(word)
