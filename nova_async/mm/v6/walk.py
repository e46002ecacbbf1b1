"""The walk of January 2026, which installs what it misses on its way down (hazards.md B12)."""

from collections.abc import Awaitable, Callable

from nova_async.mm.pagetable.format import Level
from nova_async.mm.pagetable.walk import Mapped, PageTableMissing, Unmapped, WalkResult, pte_address
from nova_async.mm.published.entries import PublishedEntries, entry_address, word_offsets
from nova_async.mm.v6.window import Window

PageTableAllocator = Callable[[], Awaitable[int]]
"""A zeroed page for a table, by its VRAM address."""


class PtWalk:
    """A walk of one address space.

    Args:
        pdb: the address of the root.
        entries: how its entries are read and written.
    """

    __slots__ = ("_entries", "_pdb")

    def __init__(self, pdb: int, entries: PublishedEntries) -> None:
        self._pdb = pdb
        self._entries = entries

    async def walk_to_pte(self, window: Window, vfn: int, allocator: PageTableAllocator | None = None) -> WalkResult:
        """Go down to the leaf of a virtual frame: ``walk_to_pte_lookup``, or ``walk_to_pte_allocate``.

        Args:
            window: where it reads and writes.
            vfn: the virtual frame; bits above the address width are not looked at.
            allocator: makes missing tables, which are linked at once and stay if a later one cannot be made.

        Raises:
            EINVAL: an entry points beyond 2^40.
            ENODEV: the driver was unbound.
        """
        table = self._pdb
        for level in self._entries.layout.directories:
            install_addr = entry_address(level, table, vfn)
            child = await self._read(window, level, install_addr)
            if child is None:
                if allocator is None:
                    return PageTableMissing()
                child = await allocator()
                await self._install(window, level, install_addr, child)
            table = child
        pte_addr = pte_address(table, vfn)
        pfn = self._entries.pte_frame(await window.try_read64(pte_addr))
        return Unmapped(pte_addr) if pfn is None else Mapped(pte_addr, pfn)

    async def _read(self, window: Window, level: Level, install_addr: int) -> int | None:
        word = 0
        for offset in word_offsets(level):
            word = await window.try_read64(install_addr + offset)
        return self._entries.table(word)

    async def _install(self, window: Window, level: Level, install_addr: int, table: int) -> None:
        for offset, word in self._entries.install_words(level, table):
            await window.try_write64(install_addr + offset, word)
