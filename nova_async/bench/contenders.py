"""Who maps pages in the mapping bench: four ways to make the same address space."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.errors import InternalError
from nova_async.hw.board import Board
from nova_async.hw.bus import Traffic
from nova_async.hw.chipset import Chipset, MmuVersion
from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import AsyncioTasks
from nova_async.mm import Gpu, published, v6
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.pagetable.walk import pte_address

VRAM = 4 * GIB
VA_SIZE = 4 * GIB
OWNER = "bench"
READ_BACK = 4096
"""Pages that are read back, at most; one costs the same as another."""

ReadBack = list[Pfn | None]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one phase took.

    Attributes:
        pages: that it was about.
        seconds: of this machine's processor.
        model_ns: of the modelled one.
        traffic: what went over its bus.
    """

    pages: int
    seconds: float
    model_ns: int
    traffic: Traffic


@dataclass(slots=True)
class Job:
    """A fresh device, with frames to map and a root to map them under.

    Attributes:
        gpu: the device.
        pdb: the root.
        pfns: the frames, consecutive.
        costs: what each phase took so far.
    """

    gpu: Gpu
    pdb: VramAddress
    pfns: list[Pfn]
    costs: dict[str, Cost] = field(default_factory=dict)

    @classmethod
    async def make(cls, version: MmuVersion, pages: int) -> "Job":
        """On an otherwise empty board, checked by the validator as always."""
        chip = Chipset.named("GA102" if version is MmuVersion.V2 else "GH100")
        gpu = Gpu.probe(Kernel(Validator(AsyncioTasks())), Board(chip, vram=VRAM, bar1=MIB))
        data = await gpu.mm.alloc_vram(pages * PAGE_SIZE, owner=OWNER, flags=BuddyFlags.CONTIGUOUS)
        root = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
        first = data.address // PAGE_SIZE
        return cls(gpu, VramAddress(root.address), [Pfn(first + page) for page in range(pages)])

    @property
    def sample(self) -> range:
        """The pages to read back: all of them, or so many in the middle."""
        pages = len(self.pfns)
        first = max(0, pages - READ_BACK) // 2
        return range(first, min(pages, first + READ_BACK))

    @contextmanager
    def phase(self, name: str, pages: int | None = None) -> Iterator[None]:
        """Measure what the block does to all pages, or to so many."""
        board = self.gpu.board
        traffic, model_ns = board.traffic.snapshot(), board.clock.now
        start = time.process_time()
        yield
        seconds = time.process_time() - start
        count = len(self.pfns) if pages is None else pages
        self.costs[name] = Cost(count, seconds, board.clock.now - model_ns, board.traffic - traffic)

    @contextmanager
    def reading_back(self) -> Iterator["ReadBack"]:
        """Measure the reading of a sample, and see that it is what was mapped.

        Raises:
            InternalError: it is not; then somebody else's work was measured.
        """
        found: ReadBack = []
        with self.phase("read back", len(self.sample)):
            yield found
        if found != [self.pfns[page] for page in self.sample]:
            raise InternalError("bench mapping: what was read back is not what was mapped")


async def ours(job: Job) -> None:
    """Today's Vmm."""
    vmm = job.gpu.vmm(job.pdb, VA_SIZE, name="vm", owner=OWNER)
    with job.phase("prepare"):
        prepared = await vmm.prepare_map(len(job.pfns))
    with job.phase("execute"):
        mapped = await vmm.execute_map(prepared, job.pfns, writable=True)
    with job.reading_back() as found:
        for page in job.sample:
            found.append(await vmm.read_mapping(Vfn(mapped.vfn_start + page)))
    with job.phase("unmap"):
        await vmm.unmap_pages(mapped)


async def two_phase(job: Job) -> None:
    """The published two phases (seed document 4)."""
    version = job.gpu.chipset.mmu_version
    vmm = published.Vmm(job.gpu.mm, job.pdb, version, VA_SIZE, name="vm", owner=OWNER)
    with job.phase("prepare"):
        prepared = await vmm.prepare_map(len(job.pfns))
    with job.phase("execute"):
        mapped = await vmm.execute_map(prepared, job.pfns, writable=True)
    with job.reading_back() as found:
        for page in job.sample:
            found.append(await vmm.read_mapping(Vfn(mapped.vfn_start + page)))
    with job.phase("unmap"):
        await vmm.unmap_pages(mapped)


async def one_page(job: Job) -> None:
    """January's one-page Vmm (seed document 3); V2 only. Mapping makes the tables, so there is no prepare."""
    async with v6.GpuMm(job.gpu) as mm:
        vmm = v6.Vmm(mm, job.pdb, job.gpu.chipset.mmu_version, name="vm", owner=OWNER)
        with job.phase("execute"):
            for page, pfn in enumerate(job.pfns):
                await vmm.map_page(mm, Vfn(page), pfn, writable=True)
        with job.reading_back() as found:
            for page in job.sample:
                found.append(await vmm.read_mapping(mm, Vfn(page)))
        with job.phase("unmap"):
            for page in range(len(job.pfns)):
                await vmm.unmap_page(mm, Vfn(page))


async def lower_bound(job: Job) -> None:
    """One write for each leaf, one for each table, one flush, by somebody who knows every address beforehand."""
    entries = FORMATS[job.gpu.chipset.mmu_version]
    room = entries.pt_pages_upper_bound(len(job.pfns)) * PAGE_SIZE
    tables = await job.gpu.mm.alloc_vram(room, owner=OWNER, flags=BuddyFlags.CONTIGUOUS)
    installs, leaves = _layout(job, iter(range(tables.address, tables.address + room, PAGE_SIZE)))
    words = [entries.pte_run(job.pfns[frames.start], len(frames), writable=True) for _, frames in leaves]
    with job.phase("execute"):
        async with job.gpu.mm.pramin.window() as window:
            for slot, entry in installs:
                window.try_write64(slot, entry)
            for (address, _), run in zip(leaves, words, strict=True):
                window.write_run(address, run)
        await job.gpu.mm.tlb.flush(job.pdb)
    with job.phase("read back"):
        async with job.gpu.mm.pramin.window() as window:
            for address, frames in leaves:
                window.read_run(address, len(frames))
    with job.phase("unmap"):
        async with job.gpu.mm.pramin.window() as window:
            for address, frames in leaves:
                window.fill(address, len(frames))
        await job.gpu.mm.tlb.flush(job.pdb)


def _layout(job: Job, tables: Iterator[int]) -> tuple[list[tuple[int, int]], list[tuple[int, range]]]:
    """Where everything goes when mapping from address 0: (slot, entry) of each table, (address, frames) of leaves."""
    entries = FORMATS[job.gpu.chipset.mmu_version]
    installs: list[tuple[int, int]] = []
    here: list[tuple[int, range]] = [(job.pdb, range(len(job.pfns)))]
    for level in entries.directories:
        below: list[tuple[int, range]] = []
        for table, frames in here:
            for part in level.split(frames):
                child = VramAddress(next(tables))
                installs.append((level.slot(table, part.start), entries.pde(child.frame())))
                below.append((child, part))
        here = below
    return installs, [(pte_address(table, frames.start), frames) for table, frames in here]


Contender = Callable[[Job], Awaitable[None]]

CONTENDERS: dict[str, Contender] = {
    "ours": ours,
    "published": two_phase,
    "January": one_page,
    "lower bound": lower_bound,
}
"""In the order of the table."""
