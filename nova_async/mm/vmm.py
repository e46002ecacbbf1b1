"""A GPU address space that many tasks may use at once, mapped in two phases.

*Prepare* may allocate: it takes an address range and has every missing table page ready. *Execute* may not: it runs
while a fence is public, writes what was prepared and flushes the TLB. *Unmap* may run there too. Whatever is given back
goes on the deferred list, so that no call frees to a buddy in the fence path.

The promises, each of which the published code breaks somewhere (hazards.md A and B):

* a prepared mapping holds its own share of every table page it needs, until it is aborted or unmapped;
* a page is recorded before the entry that points to it is written;
* an execute that fails or is cancelled restores what was there, and its mapping is pending again;
* an unmap that fails keeps its range and can be tried again.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, U64_MAX, Pfn, Vfn, VramAddress
from nova_async.errors import EBUSY, EEXIST, EINVAL, EOVERFLOW, Errno
from nova_async.hw.chipset import MmuVersion
from nova_async.kernel import MutexGuard
from nova_async.lockdep import Gfp
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.frames import runs_of
from nova_async.mm.gpu_buddy import NO_FLAGS, AllocatedBlocks, GpuBuddy
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.lock_order import PAGE_TABLES
from nova_async.mm.mapping import Journal, MappedRange, PreparedMapping, Stage
from nova_async.mm.observer import AddressSpace
from nova_async.mm.page_tables import PageTables, Path
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable.walk import Mapped, PtWalk
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.surely import surely


class Vmm:
    """One address space.

    Args:
        mm: the memory manager that it takes table pages from.
        pdb_addr: the root directory, which the caller owns and outlives the Vmm.
        mmu_version: the format of its tables.
        va_size: how many bytes of addresses it hands out, from 0 up.
        name: for reports.
        owner: whose table pages these are; also whose frames may be mapped, unless a call says otherwise.

    Attributes:
        space: what observers know it by; None once it is closed.
    """

    def __init__(
        self, mm: GpuMm, pdb_addr: VramAddress, mmu_version: MmuVersion, va_size: int, *, name: str, owner: str
    ) -> None:
        self.name = name
        self.owner = owner
        self.pdb_addr = pdb_addr
        self.mmu_version = mmu_version
        self.va_size = va_size
        self._format = FORMATS[mmu_version]
        if va_size > 1 << self._format.va_bits:
            raise EINVAL(f"{name}: {va_size:#x} bytes of addresses", expected=f"{self._format.va_bits} bits at most")
        self._mm = mm
        self._va = GpuBuddy(mm.kernel, f"{name} va", va_size, observers=mm.observers)
        self._tables = mm.kernel.mutex(PAGE_TABLES, PageTables(pdb_addr, self._format), instance=f"{name} tables")
        self._dirty: list[PreparedMapping] = []
        self._found: list[AllocatedBlocks] = []
        self.space: AddressSpace | None = AddressSpace(pdb_addr, name, self._va, self._tables.name)
        for observer in mm.observers:
            observer.space_opened(self.space)

    def __repr__(self) -> str:
        return f"<Vmm {self.name} of {self.owner}>"

    async def prepare_map(self, num_pages: int, va_range: range | None = None) -> PreparedMapping:
        """Everything a mapping needs but its entries. Not for the fence path: this allocates.

        Args:
            num_pages: 1 or more.
            va_range: the bytes of address space to use, exactly; anywhere if not given.

        Raises:
            EINVAL: no pages, or a range of another size, or the Vmm is closed.
            EOVERFLOW: the size or the range leaves 64 bits.
            ENOSPC: no addresses or no VRAM.
            ENOMEM: no host memory.
            EEXIST: somebody else, firmware as a rule, has mapped something in ``va_range``.
            EIO: the device did not answer.
        """
        while True:
            va = await self._alloc_vfn_range(num_pages, va_range)
            first = va.address >> PAGE_SHIFT
            try:
                path = await self._claim_tables(range(first, first + num_pages))
            except EEXIST:
                self._found.append(va)  # not to be handed out again
                if va_range is not None:
                    raise
            except BaseException:
                self._mm.deferred.defer(va)
                raise
            else:
                return PreparedMapping(self, first, num_pages, va, path, Stage.PENDING)

    async def execute_map(
        self, prepared: PreparedMapping, pfns: Sequence[Pfn], *, writable: bool, owner: str = ""
    ) -> MappedRange:
        """Write the entries of a prepared mapping and flush the TLB. Made for the fence path.

        Args:
            prepared: of this Vmm, pending. It stays pending if this fails.
            pfns: one frame for each page.
            writable: whether the GPU may write there.
            owner: whose frames they are; the Vmm's owner if not given.

        Raises:
            EINVAL: the wrong number of frames, one too wide for an entry, or not a pending mapping of this Vmm.
            EPERM: a frame is not the owner's.
            EIO: the device did not answer.
            ETIMEDOUT: the TLB did not.
        """
        entries = self._entries(prepared, pfns, owner or self.owner, writable=writable)
        prepared.take(self, "execute_map", Stage.PENDING)
        try:
            async with self._window() as (tables, window):
                self._write(tables, window, prepared, entries)
            await self._mm.tlb.flush(self.pdb_addr)
        except BaseException:
            await self._undo(prepared)
            raise
        prepared.stage = Stage.GONE
        return MappedRange(self, prepared.vfn_start, prepared.num_pages, prepared.va, prepared.path, Stage.MAPPED)

    async def abort(self, prepared: PreparedMapping) -> None:
        """Give back what a prepare took and nobody else needs.

        Raises:
            EINVAL: not a pending mapping of this Vmm.
            EIO: a failed execute could not be undone yet; try again.
            ETIMEDOUT: likewise.
        """
        dirty = prepared.stage is Stage.DIRTY
        prepared.take(self, "abort", Stage.PENDING, Stage.DIRTY)
        with anyio.CancelScope(shield=True):
            if dirty and (error := await self._undo(prepared)):
                raise error
            await self._give_back(prepared)

    async def map_pages(
        self, pfns: Sequence[Pfn], va_range: range | None = None, *, writable: bool, owner: str = ""
    ) -> MappedRange:
        """Prepare and execute in one call, for callers outside the fence path.

        Raises:
            EINVAL: no pages, or a range too small for them; else as both phases.
        """
        if not pfns:
            raise EINVAL(f"{self.name}: map_pages of no pages", expected="1 page or more")
        if va_range is not None and va_range.stop - va_range.start < len(pfns) * PAGE_SIZE:
            raise EINVAL(f"{self.name}: {len(pfns)} pages in {va_range}", expected="a range that holds them")
        prepared = await self.prepare_map(len(pfns), va_range)
        try:
            return await self.execute_map(prepared, pfns, writable=writable, owner=owner)
        except BaseException:
            if prepared.stage is Stage.DIRTY:
                self._dirty.append(prepared)  # the caller has no handle to try again with; close does
            else:
                await self.abort(prepared)
            raise

    async def unmap_pages(self, mapped: MappedRange) -> None:
        """Make a range invalid, flush, and give its addresses back.

        Raises:
            EINVAL: not a live range of this Vmm.
            EIO: the device did not answer. The range is kept; try again.
            ETIMEDOUT: the TLB did not. The range is kept; try again.
        """
        mapped.take(self, "unmap_pages", Stage.MAPPED)
        try:
            async with self._window() as (_, window):
                for leaf in mapped.path.leaves:
                    window.fill(leaf.pte_addr, len(leaf.frames))
            await self._mm.tlb.flush(self.pdb_addr)
            await self._give_back(mapped)
        except BaseException:
            mapped.stage = Stage.MAPPED
            raise

    async def read_mapping(self, vfn: Vfn) -> Pfn | None:
        """The frame that a virtual frame is mapped to, read from the tables.

        Raises:
            EINVAL: beyond the address width.
            EIO: the device did not answer.
        """
        async with self._mm.pramin.window() as window:
            found = PtWalk(self.pdb_addr, self._format).walk_to_pte_lookup_with_window(window, vfn)
        return found.pfn if isinstance(found, Mapped) else None

    async def close(self) -> None:
        """Take the tables out of the root and give them back.

        Raises:
            EBUSY: mappings are pending or live.
            EIO: the device did not answer; nothing was freed, try again.
            ETIMEDOUT: the TLB did not; likewise.
        """
        while self._dirty:
            await self.abort(self._dirty[-1])
            self._dirty.pop()
        async with self._window() as (tables, window):
            if tables.mappings:
                raise EBUSY(f"{self.name}: close with {tables.mappings} mappings", expected="all unmapped or aborted")
            tables.closed = True
            for page in tables.tops():
                window.try_write64(page.slot, page.before)
        await self._mm.tlb.flush(self.pdb_addr)
        async with self._tables.lock() as guard:
            for page_alloc in guard.data.clear() + self._found:
                self._mm.deferred.defer(page_alloc)
            self._found.clear()
        self._end_space()

    async def outstanding(self) -> tuple[int, int]:
        """How many mappings are pending or live, and how many bytes of addresses are taken."""
        async with self._tables.lock() as guard:
            mappings = guard.data.mappings
        return mappings, self.va_size - await self._va.avail()

    def _end_space(self) -> None:
        if self.space is not None:
            for observer in self._mm.observers:
                observer.space_closed(self.space)
            self.space = None

    async def _alloc_vfn_range(self, num_pages: int, va_range: range | None) -> AllocatedBlocks:
        size = num_pages * PAGE_SIZE
        if num_pages < 1:
            raise EINVAL(f"{self.name}: a mapping of {num_pages} pages", expected="1 page or more")
        if size > U64_MAX or (va_range is not None and va_range.stop < va_range.start):
            raise EOVERFLOW(f"{self.name}: {num_pages} pages in {va_range or 'any range'}", expected="64-bit sizes")
        if va_range is not None and va_range.stop - va_range.start != size:
            raise EINVAL(f"{self.name}: {num_pages} pages in {va_range}", expected=f"a range of {size:#x} bytes")
        flags = NO_FLAGS if va_range is not None else BuddyFlags.CONTIGUOUS
        return await self._mm.alloc_from(self._va, size, owner=self.owner, flags=flags, within=va_range)

    async def _claim_tables(self, frames: range) -> Path:
        """Look what is missing, let go of all locks to allocate it, and look again: others may have been faster."""
        pool: list[AllocatedBlocks] = []
        try:
            while True:
                async with self._window() as (tables, window):
                    path = tables.claim(window, frames, pool)
                if isinstance(path, Path):
                    return path
                for _ in range(path):
                    pool.append(await self._alloc_table())  # noqa: PERF401  what is there is given back if one fails
        finally:
            for page in pool:
                self._mm.deferred.defer(page)

    async def _alloc_table(self) -> AllocatedBlocks:
        """One zeroed page, and the host memory of its record."""
        await self._mm.kernel.memory.alloc(Gfp.KERNEL, f"{self.name}: prepared table page")
        return await self._mm.alloc_vram(PAGE_SIZE, owner=f"{self.name} tables")

    def _entries(self, prepared: PreparedMapping, pfns: Sequence[Pfn], owner: str, *, writable: bool) -> "array[int]":
        """The leaf entries for ``pfns``, made before any lock is taken."""
        if len(pfns) != prepared.num_pages:
            raise EINVAL(f"{self.name}: {len(pfns)} frames for {prepared!r}", expected=f"{prepared.num_pages} frames")
        runs = runs_of(pfns)
        self._mm.owners.check(runs, owner)
        entries: array[int] = array("Q")
        for run in runs:
            entries += self._format.pte_run(run.start, len(run), writable=writable)
        return entries

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[tuple[PageTables, PraminWindow]]:
        """Both locks that a change of the tables needs, in their order."""
        guard: MutexGuard[PageTables]
        async with self._tables.lock() as guard, self._mm.pramin.window() as window:
            yield guard.data, window

    def _write(
        self, tables: PageTables, window: PraminWindow, prepared: PreparedMapping, entries: "array[int]"
    ) -> None:
        for page in prepared.path.pages:
            if not page.installed:
                page.installed = True
                prepared.journal.installed.append(page)
                window.try_write64(page.slot, tables.entry(page))
        done = 0
        for leaf in prepared.path.leaves:
            prepared.journal.leaves.append(leaf)
            window.write_run(leaf.pte_addr, entries[done : done + len(leaf.frames)])
            done += len(leaf.frames)

    async def _undo(self, prepared: PreparedMapping) -> Errno | None:
        """Restore what an execute changed, so that the mapping is pending again.

        Returns:
            The error if the device did not answer; the mapping is dirty then, and abort tries again.
        """
        try:
            with anyio.CancelScope(shield=True):
                await surely(partial(self._restore, prepared.journal))
        except Errno as error:
            prepared.stage = Stage.DIRTY
            return error
        prepared.stage = Stage.PENDING
        return None

    async def _restore(self, journal: Journal) -> None:
        """Invalidate the leaves, take out the pages that nobody else relies on by now, and flush."""
        if not journal.leaves and not journal.installed:
            return
        async with self._window() as (_, window):
            for leaf in journal.leaves:
                window.fill(leaf.pte_addr, len(leaf.frames))
            for page in journal.installed:
                if page.users == 1:
                    window.try_write64(page.slot, page.before)
                    page.installed = False
        await self._mm.tlb.flush(self.pdb_addr)
        journal.leaves.clear()
        journal.installed.clear()

    async def _give_back(self, mapping: PreparedMapping | MappedRange) -> None:
        async with self._tables.lock() as guard:
            for page in guard.data.release(mapping.path):
                self._mm.deferred.defer(page)
            mapping.stage = Stage.GONE
            self._mm.deferred.defer(mapping.va)
