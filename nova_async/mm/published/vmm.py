"""The two-phase Vmm as it was published (seed document 4): the subject of the hazard scenarios, bug for bug.

What it does, against what :class:`nova_async.mm.vmm.Vmm` promises:

==================================================================== ==========================
published                                                             hazards.md
==================================================================== ==========================
prepared pages belong to the Vmm; whoever executes first installs all a, f, B7
the vector of pages is sized for one mapping, not for all pending     a
an entry is written before its page is recorded                       a, B1
execute takes the prepared object apart first: no retry, VA freed     c
unmap takes the range by value: VA freed on every failure             g
a dropped range frees its addresses under live entries                h
nothing says which Vmm a range belongs to                             B5
a valid leaf is overwritten without a word                            B4
a drop frees to a buddy at once, under whatever lock                  k, B1
==================================================================== ==========================

It runs on today's Pramin, TLB and buddies. ``&mut self`` is a lock that the caller brings, or nobody.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio
from sortedcontainers import SortedDict

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, U64_MAX, Pfn, Vfn, VramAddress
from nova_async.errors import EINVAL, EIO, EOVERFLOW
from nova_async.hw.chipset import MmuVersion
from nova_async.kernel import Mutex
from nova_async.lockdep import Gfp
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.gpu_buddy import NO_FLAGS, AllocatedBlocks, GpuBuddy
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.observer import AddressSpace, Call, Telling
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable.format import Level
from nova_async.mm.pagetable.walk import Complete, Mapped, PageTableMissing
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.published.blocks import alloc_table, drop_range, drop_table
from nova_async.mm.published.entries import PTE_INVALID, PublishedEntries
from nova_async.mm.published.kvec import KVec
from nova_async.mm.published.mapping import (
    MappedRange,
    PreparedMapping,
    PreparedPtPage,
    Range,
    Told,
    Waiting,
    WarnOnce,
)
from nova_async.mm.published.walk import PtWalk

TABLE_WORDS = PAGE_SIZE // 8


class Vmm:
    """One address space.

    Args:
        mm: the memory manager.
        pdb_addr: the root directory, which the caller owns.
        mmu_version: the format of its tables.
        va_size: how many bytes of addresses it hands out, from 0 up; what firmware mapped there is not known (B3).
        name: for reports.
        owner: whose table pages these are.
        exclusive: what gives callers ``&mut self``; None trusts them to take turns.

    Attributes:
        pt_pages: the prepared pages of all pending mappings, by the address of the slot that will point to them.
        page_table_allocs: the installed pages.
        log: what it warned of.
    """

    def __init__(
        self,
        mm: GpuMm,
        pdb_addr: VramAddress,
        mmu_version: MmuVersion,
        va_size: int,
        *,
        name: str,
        owner: str,
        exclusive: Mutex[None] | None = None,
    ) -> None:
        self.name = name
        self.pdb_addr = pdb_addr
        self.mmu_version = mmu_version
        self._mm = mm
        self._owner = owner
        self._exclusive = exclusive
        self._entries = PublishedEntries(FORMATS[mmu_version])
        self._walk = PtWalk(pdb_addr, self._entries)
        self._va = GpuBuddy(mm.kernel, f"{name} va", va_size, observers=mm.observers, exact=True)
        self.page_table_allocs: KVec[AllocatedBlocks] = KVec(mm.kernel.memory, f"{name} page_table_allocs")
        self.pt_pages: SortedDict[int, PreparedPtPage] = SortedDict()
        self.log = WarnOnce()
        self._space = AddressSpace(pdb_addr, name, self._va, exclusive.name if exclusive is not None else "")
        for observer in mm.observers:
            observer.space_opened(self._space)

    def __repr__(self) -> str:
        return f"<published Vmm {self.name}>"

    async def prepare_map(self, num_pages: int, va_range: range | None = None) -> PreparedMapping:
        """Take addresses, and prepare every table page that is missing for them.

        Raises:
            EINVAL: no pages, or a range of another size.
            EOVERFLOW: the size or the range leaves 64 bits.
            ENOSPC: no addresses or no VRAM. Pages prepared so far stay prepared.
            ENOMEM: no host memory; likewise.
            EIO: two prepares met in one slot; likewise.
        """
        async with self._borrow():
            return await self._prepare(num_pages, va_range)

    async def execute_map(self, prepared: PreparedMapping, pfns: Sequence[Pfn], *, writable: bool) -> MappedRange:
        """Install all prepared pages of everybody, write the leaves, flush.

        Args:
            prepared: gone afterwards, also after a failure.
            pfns: one frame for each page; whose they are is not asked (B6).
            writable: whether the GPU may write there.

        Raises:
            EINVAL: the wrong number of frames, or an entry outside VRAM.
            ENOMEM: more pages were prepared than the vector holds.
            EIO: a table is missing.
            ETIMEDOUT: the TLB did not answer.
        """
        async with self._borrow():
            return await self._execute(prepared, pfns, writable=writable)

    async def map_pages(self, pfns: Sequence[Pfn], va_range: range | None = None, *, writable: bool) -> MappedRange:
        """Both phases in one call.

        Raises:
            EINVAL: no pages, or a range that is too small here or too large later (B10); else as both phases.
        """
        if not pfns:
            raise EINVAL(f"{self.name}: map_pages of no pages", expected="1 page or more")
        if va_range is not None and va_range.stop - va_range.start < len(pfns) * PAGE_SIZE:
            raise EINVAL(f"{self.name}: {len(pfns)} pages in {va_range}", expected="a range that holds them")
        async with self._borrow():
            prepared = await self._prepare(len(pfns), va_range)
            return await self._execute(prepared, pfns, writable=writable)

    async def unmap_pages(self, mapped: MappedRange) -> None:
        """Invalidate the leaves, flush, free the addresses; the addresses also if the rest failed.

        Raises:
            EIO: a fault of the bus was injected.
            ETIMEDOUT: the TLB did not answer.
        """
        mapped.move()
        async with self._borrow():
            with self._telling("unmap_pages", mapped):
                await self._unmap(mapped)

    async def read_mapping(self, vfn: Vfn) -> Pfn | None:
        """The frame that a virtual frame is mapped to."""
        async with self._borrow(), self._mm.pramin.window() as window:
            found = self._walk.walk_to_pte_lookup_with_window(window, vfn)
        return found.pfn if isinstance(found, Mapped) else None

    async def drop(self) -> None:
        """The Vmm goes out of scope: its pages are free, and the root still points to them."""
        prepared = [page.alloc for page in self.pt_pages.values()]
        self.pt_pages.clear()
        with anyio.CancelScope(shield=True):
            for alloc in self.page_table_allocs.take_all() + prepared:
                await drop_table(self._mm, alloc)
        for observer in self._mm.observers:
            observer.space_closed(self._space)

    def _telling(self, name: str, about: Range) -> Telling:
        tables = [Waiting(slot + page.level.slot_offset, page.alloc) for slot, page in self.pt_pages.items()]
        told = Told(about.frames, about.va, tables if name == "execute_map" else ())
        return Telling(self._mm.observers, Call(name, self._space, told, self._owner))

    def _borrow(self) -> AbstractAsyncContextManager[object]:
        """``&mut self``."""
        return nullcontext() if self._exclusive is None else self._exclusive.lock()

    # Prepare

    async def _prepare(self, num_pages: int, va_range: range | None) -> PreparedMapping:
        if num_pages < 1:
            raise EINVAL(f"{self.name}: prepare_map of {num_pages} pages", expected="1 page or more")
        await self.page_table_allocs.reserve(self._entries.layout.pt_pages_upper_bound(num_pages))
        va = await self._alloc_vfn_range(num_pages, va_range)
        vfn_start = va.address >> PAGE_SHIFT
        try:
            for vfn in range(vfn_start, vfn_start + num_pages):
                await self._ensure_pte_path(vfn)
        except BaseException:
            await drop_range(va)
            raise
        for observer in self._mm.observers:
            room = self.page_table_allocs.capacity - len(self.page_table_allocs)
            observer.room_promised(self._space, len(self.pt_pages), room)
        return PreparedMapping(vfn_start, num_pages, va)

    async def _alloc_vfn_range(self, num_pages: int, va_range: range | None) -> AllocatedBlocks:
        size = num_pages * PAGE_SIZE
        if size > U64_MAX or (va_range is not None and va_range.stop < va_range.start):
            raise EOVERFLOW(f"{self.name}: {num_pages} pages in {va_range or 'any range'}", expected="64-bit sizes")
        if va_range is not None and va_range.stop - va_range.start != size:
            raise EINVAL(f"{self.name}: {num_pages} pages in {va_range}", expected=f"a range of {size:#x} bytes")
        flags = NO_FLAGS if va_range is not None else BuddyFlags.CONTIGUOUS
        await self._mm.kernel.memory.alloc(Gfp.KERNEL, f"{self.name}: box of a VA allocation")
        return await self._va.alloc_blocks(size, owner=self._owner, flags=flags, within=va_range)

    async def _ensure_pte_path(self, vfn: int) -> None:
        """One walk, one missing page, again: the window is let go for each allocation."""
        for _ in range(2 * self._entries.layout.pde_level_count):
            async with self._mm.pramin.window() as window:
                found = self._walk.walk_pde_levels(window, vfn, self._prepared_at)
            if isinstance(found, Complete):
                return
            await self._prepare_table(found.install_addr, found.level)
        raise EIO(f"{self.name}: the path of frame {vfn:#x} did not end")

    def _prepared_at(self, install_addr: int) -> int | None:
        page = self.pt_pages.get(install_addr)
        return None if page is None else page.address

    async def _prepare_table(self, install_addr: int, level: Level) -> None:
        page = PreparedPtPage(await self._alloc_and_zero_page_table(), level)
        try:
            await self._mm.kernel.memory.alloc(Gfp.KERNEL, f"{self.name}: tree node")
        except BaseException:
            await drop_table(self._mm, page.alloc)
            raise
        # The tree's insert replaces: whoever came second has won the slot, and the first page is dropped (d).
        replaced = self.pt_pages.get(install_addr)
        self.pt_pages[install_addr] = page
        if replaced is not None:
            self.log.warn("VMM: duplicate install_addr in pt_pages")
            await drop_table(self._mm, replaced.alloc)
            raise EIO(f"{self.name}: slot {install_addr:#x} was prepared twice")

    async def _alloc_and_zero_page_table(self) -> AllocatedBlocks:
        await self._mm.kernel.memory.alloc(Gfp.KERNEL, f"{self.name}: box of a table page")
        page = await alloc_table(self._mm, f"{self._owner} tables")
        try:
            async with self._mm.pramin.window() as window:
                window.fill(page.address, TABLE_WORDS)
        except BaseException:
            await drop_table(self._mm, page)
            raise
        return page

    # Execute and unmap

    async def _execute(self, prepared: PreparedMapping, pfns: Sequence[Pfn], *, writable: bool) -> MappedRange:
        prepared.move()
        with self._telling("execute_map", prepared):
            try:
                self._check_count(prepared, pfns)
                async with self._mm.pramin.window() as window:
                    await self._install_all(window)
                    self._write_leaves(window, prepared.frames, pfns, writable=writable)
                await self._mm.tlb.flush(self.pdb_addr)
            except BaseException:
                await drop_range(prepared.va)
                raise
        return MappedRange(prepared.vfn_start, prepared.num_pages, prepared.va, self.log)

    async def _unmap(self, mapped: MappedRange) -> None:
        try:
            async with self._mm.pramin.window() as window:
                self._invalidate(window, mapped.frames)
            await self._mm.tlb.flush(self.pdb_addr)
            mapped.armed = False
        finally:
            await mapped.end()

    def _check_count(self, prepared: PreparedMapping, pfns: Sequence[Pfn]) -> None:
        if len(pfns) != prepared.num_pages:
            raise EINVAL(f"{self.name}: {len(pfns)} frames to map", expected=f"{prepared.num_pages} frames")

    async def _install_all(self, window: PraminWindow) -> None:
        """Write the slots in ascending order, each before its page is recorded."""
        while self.pt_pages:
            install_addr, page = self.pt_pages.popitem(0)
            try:
                for offset, word in self._entries.install_words(page.level, page.address):
                    window.try_write64(install_addr + offset, word)
                self.page_table_allocs.push_within_capacity(page.alloc)
            except BaseException:
                await drop_table(self._mm, page.alloc)  # while the window's lock is held (B1)
                raise

    def _write_leaves(self, window: PraminWindow, frames: range, pfns: Sequence[Pfn], *, writable: bool) -> None:
        for vfn, pfn in zip(frames, pfns, strict=True):
            found = self._walk.walk_to_pte_lookup_with_window(window, vfn)
            if isinstance(found, PageTableMissing):
                self.log.warn("VMM: page table missing")
                raise EIO(f"{self.name}: no leaf table for frame {vfn:#x}")
            window.try_write64(found.pte_addr, self._entries.pte(pfn, writable=writable))

    def _invalidate(self, window: PraminWindow, frames: range) -> None:
        for vfn in frames:
            found = self._walk.walk_to_pte_lookup_with_window(window, vfn)
            if not isinstance(found, PageTableMissing):
                window.try_write64(found.pte_addr, PTE_INVALID)
