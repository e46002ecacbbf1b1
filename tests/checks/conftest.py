from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from nova_async.address import KIB, MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.checks import Sanitizer, audit
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu, MappedRange, Vmm
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.pagetable import FORMATS, EntryFormat
from nova_async.mm.pramin import PraminWindow


@dataclass
class Watched:
    """A device with a sanitizer on it."""

    gpu: Gpu
    sanitizer: Sanitizer

    @property
    def codes(self) -> list[str]:
        """What the sanitizer has found, each code once."""
        return sorted({finding.code for finding in self.gpu.kernel.lockdep.findings})

    @property
    def said(self) -> str:
        """All messages."""
        return "\n".join(finding.message for finding in self.gpu.kernel.lockdep.findings)

    async def audited(self) -> list[str]:
        """What the audit finds, each code once."""
        return sorted({finding.code for finding in await audit(self.gpu)})

    @property
    def entries(self) -> EntryFormat:
        """The driver's entries for this chip."""
        return FORMATS[self.gpu.chipset.mmu_version]

    async def buffer(self, pages: int = 1) -> AllocatedBlocks:
        """VRAM of ``me``."""
        return await self.gpu.mm.alloc_vram(pages * PAGE_SIZE, owner="me")

    def frames(self, buffer: AllocatedBlocks) -> Sequence[Pfn]:
        """Its frames."""
        return [Pfn(frame) for run in buffer.frames() for frame in run]

    async def space(self, name: str = "space", pdb: int | None = None) -> Vmm:
        """An address space of ``me``, on a root of its own if none is given."""
        root = (await self.buffer()).address if pdb is None else pdb
        return self.gpu.vmm(VramAddress(root), 64 * KIB, name=name, owner="me")

    async def mapping(self, pages: int = 1) -> tuple[Vmm, MappedRange, AllocatedBlocks]:
        """A buffer, mapped in an address space of its own."""
        vmm, buffer = await self.space(), await self.buffer(pages)
        return vmm, await vmm.map_pages(self.frames(buffer), writable=True), buffer

    async def free(self, blocks: AllocatedBlocks) -> None:
        """Give VRAM back, and see it freed."""
        self.gpu.mm.free_vram(blocks)
        await self.gpu.mm.deferred.drain()

    @asynccontextmanager
    async def window(self, vmm: Vmm) -> AsyncIterator[PraminWindow]:
        """The window, with all locks that a write to the tables needs."""
        async with vmm._window() as (_, window):
            yield window


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))


@pytest.fixture
def plain(kernel: Kernel, anyio_backend: str) -> Gpu:
    """A device that nobody watches yet: of one page-table format on asyncio, of the other on trio."""
    chip = {"asyncio": "GA102", "trio": "GH100"}[anyio_backend]
    return Gpu.probe(kernel, Board(Chipset.named(chip), vram=8 * MIB, bar1=256 * KIB))


@pytest.fixture
def watched(plain: Gpu, anyio_backend: str) -> Watched:
    """A device with a sanitizer."""
    return Watched(plain, Sanitizer(plain, tasks_of(anyio_backend)).attach())
