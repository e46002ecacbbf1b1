from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.kernel import Mutex
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.published import Vmm

HUGE = 512 * MIB


@dataclass
class Setup:
    """A device with room for one published address space and its data."""

    gpu: Gpu
    vmm: Vmm
    root: AllocatedBlocks
    data: AllocatedBlocks

    def pfns(self, count: int, skip: int = 0) -> list[Pfn]:
        """Frames that the client owns."""
        return [Pfn((self.data.address >> 12) + skip + page) for page in range(count)]

    def another(self, name: str, exclusive: Mutex[None] | None = None) -> Vmm:
        """A further Vmm on the same root: it finds the tables and owns none."""
        version = self.gpu.chipset.mmu_version
        pdb = VramAddress(self.root.address)
        return Vmm(self.gpu.mm, pdb, version, 8 * GIB, name=name, owner="client", exclusive=exclusive)

    def leaves(self) -> dict[int, int]:
        """What hardware finds: virtual frame to frame."""
        found = self.gpu.board.mmu.leaves(self.root.address)
        return {leaf.va // PAGE_SIZE: leaf.address // PAGE_SIZE for leaf in found}

    async def free_tables(self) -> list[int]:
        """The addresses of tables that hardware reaches and the buddy counts as free."""
        runs = await self.gpu.mm.buddy.free_runs()
        tables = [table.address for table in self.gpu.board.mmu.tables(self.root.address)]
        return [table for table in tables if any(start <= table < start + size for start, size in runs)]


@pytest.fixture
def published(gpu: Gpu) -> Callable[[], Awaitable[Setup]]:
    """A device of each page-table format, with an address space of 8 GiB."""

    async def make() -> Setup:
        data = await gpu.mm.alloc_vram(64 * PAGE_SIZE, owner="client")
        root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="client")
        pdb = VramAddress(root.address)
        vmm = Vmm(gpu.mm, pdb, gpu.chipset.mmu_version, 8 * GIB, name="vm", owner="client")
        return Setup(gpu, vmm, root, data)

    return make
