"""A GPU address space that many tasks may use at once, mapped in two phases.

*Prepare* may allocate: it takes an address range and has every missing table page ready. *Execute* may not: it runs
while a fence is public, writes what was prepared and flushes the TLB. *Unmap* may run there too. Whatever is given back
goes on the deferred list, so that no call frees to a buddy in the fence path.

The promises, each of which the published code breaks somewhere (hazards.md A and B):

* a prepared mapping holds its own share of every table page it needs, until it is aborted or unmapped;
* a page is recorded before the entry that points to it is written;
* nobody writes more than ``GpuMm.words_per_hold`` words before others get their turn at the window;
* an execute that fails or is cancelled restores what was there, and its mapping is pending again;
* an unmap that fails keeps its range and can be tried again;
* a table page that nobody needs is given back when VRAM is short, and not before the TLB was flushed.
"""

from array import array
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import anyio

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, U64_MAX, Pfn, Vfn, VramAddress
from nova_async.errors import EBUSY, EEXIST, EINVAL, EOVERFLOW, Errno
from nova_async.hw.chipset import MmuVersion
from nova_async.lockdep import Gfp
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.frames import runs_of
from nova_async.mm.gpu_buddy import NO_FLAGS, AllocatedBlocks, GpuBuddy
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.lock_order import PAGE_TABLES
from nova_async.mm.mapping import MappedRange, Mapping, PreparedMapping, Stage
from nova_async.mm.observer import AddressSpace, Call, Telling
from nova_async.mm.page_tables import PageTables, Path
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable.walk import Mapped, PtWalk
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.surely import surely
from nova_async.mm.table_writer import TableWriter
from nova_async.operation import Access
from nova_async.point import observe_guarded


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

    Raises:
        EINVAL: more addresses than the format has bits for.
        EBUSY: another Vmm uses this root. Two sets of books on one tree could not know each other's tables.
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
        mm.adopt_root(pdb_addr, self)
        self._mm = mm
        self._va = GpuBuddy(mm.kernel, f"{name} va", va_size, observers=mm.observers, exact=True)
        # What a task learns of the tables is observed where it looks.
        tables = PageTables(f"{name} tables", pdb_addr, self._format)
        self._tables = mm.kernel.mutex(PAGE_TABLES, tables, instance=f"{name} tables", told=False)
        self._writer = TableWriter(mm, pdb_addr, self._tables)
        self._dirty: list[PreparedMapping] = []
        self._found: list[AllocatedBlocks] = []
        self.space: AddressSpace | None = AddressSpace(pdb_addr, name, self._va, self._tables.name)
        for observer in mm.observers:
            observer.space_opened(self.space)

    def __repr__(self) -> str:
        return f"<Vmm {self.name} of {self.owner}>"

    @property
    def addresses(self) -> str:
        """The name of the allocator that hands out its addresses, and of its lock."""
        return self._va.name

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
        with self._telling("prepare_map") as call:
            while True:
                va = await self._alloc_vfn_range(num_pages, va_range)
                first = va.address >> PAGE_SHIFT
                try:
                    path = await self._claim_tables(call, range(first, first + num_pages))
                except EEXIST:
                    self._found.append(va)  # not to be handed out again
                    call.withdrawn.append(va)
                    if va_range is not None:
                        raise
                except BaseException:
                    self._mm.deferred.defer(va)
                    raise
                else:
                    call.mapping = prepared = PreparedMapping(self, first, num_pages, va, path, Stage.PENDING)
                    return prepared

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
            ENODEV: the device is gone.
        """
        self._mm.binding.check(f"{self.name}: execute_map")
        entries = self._entries(prepared, pfns, owner or self.owner, writable=writable)
        prepared.take(self, "execute_map", Stage.PENDING)
        with self._telling("execute_map", prepared, owner or self.owner):
            try:
                await self._writer.write(prepared.path, entries, prepared.journal)
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
        with self._telling("abort", prepared), anyio.CancelScope(shield=True):
            if dirty and (error := await self._undo(prepared)):
                raise error
            await self._give_back(prepared)

    async def map_pages(
        self, pfns: Sequence[Pfn], va_range: range | None = None, *, writable: bool, owner: str = ""
    ) -> MappedRange:
        """Prepare and execute in one call, for callers outside the fence path.

        Raises:
            As both phases. The range is what prepare says it is, so there is one rule for it (hazards.md B10).
        """
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
        with self._telling("unmap_pages", mapped):
            try:
                await self._writer.clear(mapped.path.leaves)
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
            observe_guarded(tables.mappings)
            if tables.mappings:
                raise EBUSY(f"{self.name}: close with {tables.mappings} mappings", expected="all unmapped or aborted")
            tables.closed = True
            for page in tables.tops():
                window.try_write64(page.slot, page.before)
        await self._writer.flush()
        async with self._tables.lock() as guard:
            for page_alloc in guard.data.clear() + self._found:
                self._mm.deferred.defer(page_alloc)
            self._found.clear()
        self._end_space()

    async def reclaim_tables(self) -> int:
        """Give table pages back that nobody needs, when VRAM is short. Not for the fence path.

        Returns:
            How many; they are on the deferred list.

        Raises:
            EIO: the device did not answer; nothing is lost, try again.
            ETIMEDOUT: the TLB did not; likewise.
        """
        return await self._writer.reclaim()

    @property
    def settled(self) -> bool:
        """Whether it is closed and nobody has any of its addresses."""
        return self.space is None and not self._va.live

    async def outstanding(self) -> tuple[int, int]:
        """How many mappings are pending or live, and how many bytes of addresses are taken."""
        async with self._tables.lock() as guard:
            mappings = guard.data.mappings
            observe_guarded(mappings)
        return mappings, self.va_size - await self._va.avail()

    def _end_space(self) -> None:
        if self.space is not None:
            for observer in self._mm.observers:
                observer.space_closed(self.space)
            self.space = None
            self._mm.release_root(self.pdb_addr)

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

    def _telling(self, name: str, mapping: Mapping | None = None, owner: str = "") -> Telling:
        """Observers are told of what happens in the body of this ``with``."""
        return Telling(self._mm.observers, Call(name, self.space, mapping, owner))

    async def _claim_tables(self, call: Call, frames: range) -> Path:
        """Take part in all tables of ``frames``, and see that nobody else has mapped there."""
        path = await self._take_part(frames)
        call.claimed = path.pages
        try:
            await self._writer.check_vacant(path.found)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._leave(path)
            raise
        return path

    async def _take_part(self, frames: range) -> Path:
        """Look what is missing, let go of all locks to allocate it, and look again: others may have been faster."""
        pool: list[AllocatedBlocks] = []
        try:
            while True:
                async with self._window(Access.ADD) as (tables, window):
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

    def _window(self, access: Access = Access.WRITE) -> AbstractAsyncContextManager[tuple[PageTables, PraminWindow]]:
        return self._writer.window(access)

    async def _undo(self, prepared: PreparedMapping) -> Errno | None:
        """Restore what an execute changed, so that the mapping is pending again.

        Returns:
            The error if the device did not answer; the mapping is dirty then, and abort tries again.
        """
        try:
            with anyio.CancelScope(shield=True):
                await surely(partial(self._writer.restore, prepared.journal))
        except Errno as error:
            prepared.stage = Stage.DIRTY
            return error
        prepared.stage = Stage.PENDING
        return None

    async def _leave(self, path: Path) -> None:
        async with self._tables.lock() as guard:
            guard.access = Access.ADD
            for page in guard.data.release(path):
                self._mm.deferred.defer(page)

    async def _give_back(self, mapping: Mapping) -> None:
        await self._leave(mapping.path)
        mapping.stage = Stage.GONE
        self._mm.deferred.defer(mapping.va)
