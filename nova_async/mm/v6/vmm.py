"""The one-page Vmm of January 2026 (seed document 3).

What mirrors what:

* the constructor refuses everything but V2;
* :meth:`Vmm.alloc_page_table` allocates, zeroes word by word, and only then records the page, which may fail;
* :meth:`Vmm.map_page` walks and installs, writes the leaf over whatever was there, and flushes: one flush a page. A
  flush that fails leaves the leaf live (hazards.md B4, B12);
* :meth:`Vmm.unmap_page` does nothing where no table is, else writes an invalid leaf and flushes, mapped or not;
* which virtual frames are in use is nobody's business: two callers may map one frame (B12).
"""

import anyio

from nova_async.address import PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.errors import EINVAL, ENOTSUPP
from nova_async.hw.chipset import MmuVersion
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import AddressSpace
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable.walk import Mapped, PageTableMissing
from nova_async.mm.published.blocks import alloc_table, drop_table
from nova_async.mm.published.entries import PTE_INVALID, PublishedEntries
from nova_async.mm.published.kvec import KVec
from nova_async.mm.v6.gpu_mm import GpuMm
from nova_async.mm.v6.walk import PtWalk


class Vmm:
    """One address space; every call is handed the memory manager.

    Args:
        mm: the memory manager, here for the host memory of the vector and for observers.
        pdb_addr: the root directory, which the caller owns.
        mmu_version: V2.
        name: for reports.
        owner: whose table pages these are.

    Raises:
        ENOTSUPP: any other version.
    """

    def __init__(self, mm: GpuMm, pdb_addr: VramAddress, mmu_version: MmuVersion, *, name: str, owner: str) -> None:
        if mmu_version is not MmuVersion.V2:
            raise ENOTSUPP(f"{name}: MMU {mmu_version.name}", expected="V2")
        self.name = name
        self.pdb_addr = pdb_addr
        self.mmu_version = mmu_version
        self._owner = owner
        self._entries = PublishedEntries(FORMATS[mmu_version])
        self._walk = PtWalk(pdb_addr, self._entries)
        self._page_table_allocs: KVec[AllocatedBlocks] = KVec(mm.host.kernel.memory, f"{name} page_table_allocs")
        self._space = AddressSpace(pdb_addr, name, va=None, guard="")
        for observer in mm.host.observers:
            observer.space_opened(self._space)

    def __repr__(self) -> str:
        return f"<v6 Vmm {self.name}>"

    async def alloc_page_table(self, mm: GpuMm) -> VramAddress:
        """A zeroed page that lives as long as this Vmm.

        Raises:
            ENOSPC: VRAM is full.
            ENOMEM: no host memory.
            ENODEV: the driver was unbound.
        """
        page = await alloc_table(mm.host, f"{self._owner} tables")
        try:
            for address in range(page.address, page.address + PAGE_SIZE, 8):
                await mm.pramin.try_write64(address, 0)
            await self._page_table_allocs.push(page)
        except BaseException:
            await drop_table(mm.host, page)
            raise
        return VramAddress(page.address)

    async def map_page(self, mm: GpuMm, vfn: Vfn, pfn: Pfn, *, writable: bool) -> None:
        """Map one page, make the tables it needs, and flush.

        Raises:
            ENOSPC, ENOMEM: no page for a table; those made so far stay linked.
            ENODEV: the driver was unbound.
            ETIMEDOUT: the TLB did not answer; the page is mapped.
        """

        async def allocate() -> int:
            return await self.alloc_page_table(mm)

        found = await self._walk.walk_to_pte(mm.pramin, vfn, allocate)
        if isinstance(found, PageTableMissing):
            raise EINVAL(f"{self.name}: no table for frame {vfn:#x} after the walk made them")
        await mm.pramin.try_write64(found.pte_addr, self._entries.pte(pfn, writable=writable))
        await mm.tlb.flush(self.pdb_addr)

    async def unmap_page(self, mm: GpuMm, vfn: Vfn) -> None:
        """Make one page invalid and flush; nothing if there is no table for it.

        Raises:
            ENODEV: the driver was unbound.
            ETIMEDOUT: the TLB did not answer.
        """
        found = await self._walk.walk_to_pte(mm.pramin, vfn)
        if isinstance(found, PageTableMissing):
            return
        await mm.pramin.try_write64(found.pte_addr, PTE_INVALID)
        await mm.tlb.flush(self.pdb_addr)

    async def read_mapping(self, mm: GpuMm, vfn: Vfn) -> Pfn | None:
        """The frame that a virtual frame is mapped to."""
        found = await self._walk.walk_to_pte(mm.pramin, vfn)
        return found.pfn if isinstance(found, Mapped) else None

    async def drop(self, mm: GpuMm) -> None:
        """The Vmm goes out of scope: its tables are free, and the root still points to them."""
        with anyio.CancelScope(shield=True):
            for page in self._page_table_allocs.take_all():
                await drop_table(mm.host, page)
        for observer in mm.host.observers:
            observer.space_closed(self._space)
