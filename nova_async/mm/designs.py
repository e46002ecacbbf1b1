"""Other ways to lock the same address space: what a designer would try before ours, over the same code.

::

    one lock      around the whole memory manager, or around each Vmm: held from the beginning of a call to its end
    page tables   a lock for each table page, held while that table is written: as mutexes, and as the spinlocks that
                  were floated on the list (hardware.md 4.9)

They differ from :class:`nova_async.mm.vmm.Vmm` in their locks alone. ``scenarios/designs`` asks the checker about them,
``nova-async bench designs`` asks for their throughput.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from nova_async.address import PAGE_SIZE, Pfn, VramAddress, align_down
from nova_async.hw.chipset import MmuVersion
from nova_async.kernel import Mutex, SpinLock
from nova_async.kernel.core import LockRow
from nova_async.mm.gpu import Gpu
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.holds import Part
from nova_async.mm.mapping import Journal, MappedRange, PreparedMapping
from nova_async.mm.page_tables import Leaf, PageTables, Path
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.table_writer import TableWriter
from nova_async.mm.vmm import Vmm

PAGE_TABLE = LockRow(
    name="page_table",
    order=4,
    guards="the entries of one table page",
    taken_by="execute, unmap",
    fence_path=True,
    reclaim_under=False,
    spins=True,
)
"""The spinlock of one table page; it stands where the lock of the Vmm stands in ours."""

TableLock = Mutex[None] | SpinLock[None]
MakeVmm = Callable[[VramAddress, int, str], Vmm]
"""Makes an address space: its root, its size in bytes, its name."""


class LockedVmm(Vmm):
    """Takes one lock for all of a call, whichever it is. Arguments as for :class:`Vmm`.

    Args:
        whole: that lock; perhaps of more than this Vmm.

    Attributes:
        whole: the same.
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
        whole: Mutex[None],
    ) -> None:
        super().__init__(mm, pdb_addr, mmu_version, va_size, name=name, owner=owner)
        self.whole = whole

    async def prepare_map(self, num_pages: int, va_range: range | None = None) -> PreparedMapping:
        """Under the lock, with all that it allocates."""
        async with self.whole.lock():
            return await super().prepare_map(num_pages, va_range)

    async def execute_map(
        self, prepared: PreparedMapping, pfns: Sequence[Pfn], *, writable: bool, owner: str = ""
    ) -> MappedRange:
        """Under the lock, with the flush that it waits for."""
        async with self.whole.lock():
            return await super().execute_map(prepared, pfns, writable=writable, owner=owner)

    async def abort(self, prepared: PreparedMapping) -> None:
        """Under the lock."""
        async with self.whole.lock():
            await super().abort(prepared)

    async def unmap_pages(self, mapped: MappedRange) -> None:
        """Under the lock, with the flush that it waits for."""
        async with self.whole.lock():
            await super().unmap_pages(mapped)


class PerTableWriter(TableWriter):
    """Writes the tables of one Vmm, each under a lock of its own. One at a time, so that they need no order.

    Args:
        mm: whose window and TLB.
        vmm: whose tables.
        tables: the books, which keep their own lock for those who plan.
        lock: makes the lock of a table, given its name.
    """

    def __init__(self, mm: GpuMm, vmm: Vmm, tables: Mutex[PageTables], lock: Callable[[str], TableLock]) -> None:
        super().__init__(mm, vmm.pdb_addr, tables)
        self._name = vmm.name
        self._format = FORMATS[vmm.mmu_version]
        self._make = lock
        self._locks: dict[int, TableLock] = {}

    async def write(self, path: Path, entries: "array[int]", journal: Journal) -> None:
        """As ours, a table at a time."""
        done = 0
        parts: list[Part] = [*path.pages, *path.leaves]
        for part in parts:
            async with self._table(part) as window:
                if isinstance(part, Leaf):
                    journal.leaves.append(part)
                    window.write_run(part.pte_addr, entries[done : done + len(part.frames)])
                    done += len(part.frames)
                elif not part.installed:
                    journal.installed.append(part)
                    part.install(window, self._format.pde(VramAddress(part.address).frame()))
        await self.flush()

    async def clear(self, leaves: Sequence[Leaf]) -> None:
        """As ours, a table at a time."""
        for leaf in leaves:
            async with self._table(leaf) as window:
                window.fill(leaf.pte_addr, len(leaf.frames))
        await self.flush()

    @asynccontextmanager
    async def _table(self, part: Part) -> AsyncIterator[PraminWindow]:
        """The lock of the table that an entry lies in, and under it the window."""
        table = align_down(part.table if isinstance(part, Leaf) else part.slot, PAGE_SIZE)
        lock = self._locks.get(table)
        if lock is None:
            lock = self._locks[table] = self._make(f"{self._name} table {table:#x}")
        async with _held(lock), self._mm.pramin.window() as window:
            yield window


@asynccontextmanager
async def _held(lock: TableLock) -> AsyncIterator[None]:
    if isinstance(lock, Mutex):
        async with lock.lock():
            yield
    else:
        with lock.lock():
            yield


class PerTableVmm(Vmm):
    """Writes each table under a lock of its own. Arguments as for :class:`Vmm`.

    Args:
        lock: makes the lock of a table, given its name.
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
        lock: Callable[[str], TableLock],
    ) -> None:
        super().__init__(mm, pdb_addr, mmu_version, va_size, name=name, owner=owner)
        self._writer = PerTableWriter(mm, self, self._tables, lock)
        opened = self.space
        if opened is not None:
            self.space = replace(opened, guard="")  # no one lock guards all tables
            for observer in mm.observers:
                observer.space_closed(opened)
                observer.space_opened(self.space)


def one_global_lock(gpu: Gpu) -> MakeVmm:
    """One mutex around the memory manager of a device."""
    whole: Mutex[None] = gpu.kernel.private_mutex("gpu_mm", None)
    return _maker(gpu, partial(LockedVmm, whole=whole))


def lock_per_vmm(gpu: Gpu) -> MakeVmm:
    """One mutex around each address space: the ``Mutex<Vmm>`` of the May series."""

    def make(root: VramAddress, va_size: int, name: str) -> Vmm:
        whole: Mutex[None] = gpu.kernel.private_mutex("whole_vmm", None, instance=name)
        return _maker(gpu, partial(LockedVmm, whole=whole))(root, va_size, name)

    return make


def lock_per_page_table(gpu: Gpu) -> MakeVmm:
    """One mutex for each table page."""

    def lock(name: str) -> TableLock:
        return gpu.kernel.private_mutex("page_table", None, instance=name)

    return _maker(gpu, partial(PerTableVmm, lock=lock))


def spinlock_per_page_table(gpu: Gpu) -> MakeVmm:
    """One spinlock for each table page."""

    def lock(name: str) -> TableLock:
        return gpu.kernel.spinlock(PAGE_TABLE, None, instance=name)

    return _maker(gpu, partial(PerTableVmm, lock=lock))


def ours(gpu: Gpu) -> MakeVmm:
    """A mutex for the tables of each Vmm, one for the window, one for the TLB; none across an allocation or a flush."""
    return _maker(gpu, Vmm)


def _maker(gpu: Gpu, vmm: Callable[..., Vmm]) -> MakeVmm:
    def make(root: VramAddress, va_size: int, name: str) -> Vmm:
        made = vmm(gpu.mm, root, gpu.chipset.mmu_version, va_size, name=name, owner=name)
        gpu.address_spaces.append(made)
        return made

    return make


DESIGNS: Mapping[str, Callable[[Gpu], MakeVmm]] = MappingProxyType(
    {
        "one global lock": one_global_lock,
        "a lock per Vmm": lock_per_vmm,
        "a lock per page table": lock_per_page_table,
        "ours": ours,
    }
)
"""Those that can be run, by name. Spinlocks cannot: their holder sleeps, and who comes next spins for ever."""
