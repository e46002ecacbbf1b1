"""What a scenario needs to force one sequence: failures where it wants them, and a GPU that looks when it says so."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum

import anyio

from nova_async.address import MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import Errno
from nova_async.hw.listener import Listener
from nova_async.hw.mmu.access import Access
from nova_async.kernel import DmaFence, FaultPlan
from nova_async.mm import Gpu
from nova_async.mm.pagetable.format import PDE_VIDEO
from nova_async.mm.pagetable.ver2 import VER2
from nova_async.mm.surely import surely
from nova_async.mm.tlb import Tlb
from nova_async.mm.v6 import Tlb as JanuaryTlb
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import point, share

PDE_SYSTEM = 0b100
"""The aperture of coherent system memory (hardware.md 2.3)."""
LEAF_TABLE = 2 * MIB
"""How many bytes of addresses one table of 4 KiB pages covers, in both formats (hardware.md 2.2)."""
UPPER_TABLE = 512 * MIB
"""And one table of dual entries."""


def pages_at(address: int, pages: int = 1) -> range:
    """The addresses of ``pages`` pages from ``address`` on."""
    return range(address, address + pages * PAGE_SIZE)


ACROSS = pages_at(LEAF_TABLE - 2 * PAGE_SIZE, 4)
"""Four pages, two in each of two leaf tables, so that there is a middle whoever writes them."""


@contextmanager
def fails_with(error: type[Errno]) -> Iterator[None]:
    """The body of this ``with`` fails, and with this error.

    Raises:
        AssertionError: it did not fail.
    """
    try:
        yield
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


@asynccontextmanager
async def buffer(gpu: Gpu, pages: int, owner: str = "vm") -> AsyncIterator[Sequence[Pfn]]:
    """The frames of VRAM that is ``owner``'s for the length of this block. Enter it before the address space."""
    blocks = await gpu.mm.alloc_vram(pages * PAGE_SIZE, owner=owner)
    try:
        yield frames_of(blocks)
    finally:
        gpu.mm.free_vram(blocks)
        await surely(gpu.mm.deferred.drain)


def touch(gpu: Gpu, pdb: int, address: int) -> int:
    """Some engine of the GPU reads at a virtual address; where in video memory that was.

    Raises:
        MmuFault: nothing is mapped there.
    """
    return gpu.board.mmu.translate(pdb, address, Access.READ).physical(address)


@dataclass
class FenceWaiter:
    """A shrinker whose one object is busy until a fence has signalled; it waits for it, as it may."""

    fence: DmaFence
    name: str = "fence waiter"

    def count(self) -> int:
        """One object, or none once it is free."""
        return 0 if self.fence.signalled else 1

    async def scan(self, count: int) -> int:
        """Wait, and free it."""
        await self.fence.wait()
        return count


class Gate:
    """An event that an explorer knows: to wait for it and to open it are operations like any other.

    Args:
        name: the same in every schedule.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = False
        self._sleepers = Sleepers(in_turn=False)
        self._wait = Operation(Kind.WAIT, name, lambda: self.is_open, self._sleepers)
        self._signal = Operation(Kind.SIGNAL, name)

    async def wait(self) -> None:
        """Sleep until it is open."""
        await point(self._wait)

    async def open(self) -> None:
        """Open it for good; a cancellation does not stop that, as somebody may wait."""
        with anyio.CancelScope(shield=True):
            await point(self._signal)
        self.is_open = True
        share(self.name, value=True)
        self._sleepers.wake_all()


class _Silence(Listener):
    """Counts live leaves after each write to memory."""

    def __init__(self, gpu: Gpu, pdb: int, leaves: int) -> None:
        self._gpu = gpu
        self._pdb = pdb
        self._leaves = leaves
        self.fell = False

    def vram_written(self, address: int, length: int) -> None:  # noqa: ARG002  the listener's signature
        if not self.fell and len(list(self._gpu.board.mmu.leaves(self._pdb))) == self._leaves:
            self.fell = True
            self._gpu.kernel.faults.start({"mmio": 1.0})


@contextmanager
def _rates_restored(faults: FaultPlan) -> Iterator[None]:
    """Whatever else may fail fails at its own rate after the block as before it."""
    before = faults.rates
    try:
        yield
    finally:
        faults.stop()
        faults.start(before)


@contextmanager
def nothing_fails(gpu: Gpu) -> Iterator[None]:
    """What a scenario sets up for its clients in this block is there, whatever may fail later."""
    with _rates_restored(gpu.kernel.faults):
        gpu.kernel.faults.stop()
        yield


@contextmanager
def silent_at(gpu: Gpu, pdb: int, *, leaves: int) -> Iterator[None]:
    """The device stops to answer as soon as so many leaves are live, and answers again at the end of the block.

    Args:
        gpu: the device.
        pdb: the root of the address space whose leaves are counted.
        leaves: how many.

    Raises:
        AssertionError: it never came to that, and no other failure that a strategy chose came before.
    """
    silence = _Silence(gpu, pdb, leaves)
    gpu.board.listeners.append(silence)
    with _rates_restored(gpu.kernel.faults):
        try:
            yield
        finally:
            gpu.board.listeners.remove(silence)
    if not silence.fell and not gpu.kernel.faults.chosen:
        raise AssertionError(f"there were never {leaves} live leaves under {pdb:#x}")


@contextmanager
def silent_bus(gpu: Gpu) -> Iterator[None]:
    """No access to video memory in this block gets through."""
    with _rates_restored(gpu.kernel.faults):
        gpu.kernel.faults.start({"mmio": 1.0})
        yield


@contextmanager
def silent_tlb(gpu: Gpu) -> Iterator[None]:
    """Whoever waits for the TLB in this block waits in vain: every flush is ETIMEDOUT."""
    with _rates_restored(gpu.kernel.faults):
        gpu.kernel.faults.start({"tlb": 1.0})
        yield


@contextmanager
def engine_reads(gpu: Gpu, pdb: int, address: int, tlb: "Tlb | JanuaryTlb | None" = None) -> Iterator[None]:
    """An engine uses this address all the while; what matters is that it does just before each flush.

    Args:
        gpu: whose engine.
        pdb: the address space that it works in.
        address: where it reads, over and over.
        tlb: whose flushes; the device's if not given.
    """
    touch(gpu, pdb, address)
    late = tlb or gpu.mm.tlb
    on_time = late.flush

    async def flush(flushed: int) -> None:
        touch(gpu, pdb, address)
        await on_time(flushed)

    late.flush = flush  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        late.flush = on_time  # type: ignore[method-assign]


class Firmware(Enum):
    """What firmware may have mapped at address 0 before the driver came, in the format of V2."""

    PAGE = "one page of 4 KiB"
    BIG_PAGE = "one page of 64 KiB, by way of the big half of a dual entry"
    HUGE_PAGE = "one page of 2 MiB, in a dual entry itself"
    SYSTEM_MEMORY = "a table of 4 KiB pages in system memory"


def firmware_maps(gpu: Gpu, what: Firmware, *, system_table: int = 0) -> VramAddress:
    """Page tables that the driver finds; all in memory that firmware keeps, behind the root of BAR1.

    Args:
        gpu: with a chip of MMU version 2, and 128 MiB or more for a huge page in memory that firmware keeps.
        what: is mapped at address 0.
        system_table: where in system memory the table is.

    Returns:
        The root.
    """
    root = table = VramAddress(gpu.board.gsp.bar1_pde_base + PAGE_SIZE)
    vram = gpu.board.vram
    *upper, dual = VER2.directories
    for level in upper:
        below = VramAddress(table + PAGE_SIZE)
        vram.write(level.slot(table, 0), 8, VER2.pde(below.frame()))
        table = below
    small, big, leaves = dual.slot(table, 0), table, VramAddress(table + PAGE_SIZE)
    page = VER2.pte(0, writable=True)
    match what:
        case Firmware.PAGE:
            vram.write(small, 8, VER2.pde(leaves.frame()))
            vram.write(leaves, 8, page)
        case Firmware.BIG_PAGE:
            vram.write(big, 8, leaves >> 4 | PDE_VIDEO)  # 256-byte units at bit 4 (hardware.md 2.3)
            vram.write(leaves, 8, page)
        case Firmware.HUGE_PAGE:
            vram.write(big, 8, page)
        case Firmware.SYSTEM_MEMORY:
            vram.write(small, 8, system_table >> 4 | PDE_SYSTEM)
    return root
