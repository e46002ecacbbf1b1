"""One GPU, wired together and booted."""

from nova_async.address import MIB, PAGE_SIZE
from nova_async.errors import UsageError
from nova_async.hw import registers
from nova_async.hw.bar0 import Bar0
from nova_async.hw.bar1 import Bar1
from nova_async.hw.bus import Link, Traffic
from nova_async.hw.chipset import Chipset
from nova_async.hw.clock import Costs, ModelClock
from nova_async.hw.gsp import FbRegion, GspStaticInfo, boot
from nova_async.hw.invalidate import InvalidateUnit
from nova_async.hw.listener import Listener
from nova_async.hw.mmu.formats import format_for
from nova_async.hw.mmu.mmu import Mmu
from nova_async.hw.mmu.tlb import HwTlb
from nova_async.hw.register_file import Latch, ReadOnly
from nova_async.hw.vram import Vram

__all__ = ["Board", "FbRegion", "GspStaticInfo"]


class Board:
    """A GPU after its firmware has booted.

    Args:
        chipset: which chip.
        vram: its video memory in bytes, a multiple of 4 KiB; None for that of a usual board.
        bar1: the size of BAR1 in bytes, a power of two; None for that of a usual board.
        clock: of the model; None for one of its own.
        costs: of accesses; None for the usual ones.

    Attributes:
        listeners: who is told of what the hardware does. Append at any time; an empty list costs nothing.
        traffic: what went over the bus.
        invalidate: the TLB-invalidate block; set its ``stuck`` to hang it.
        gsp: what firmware tells the driver.

    Raises:
        UsageError: the memory is too small, not whole pages, or more than the window reaches; or BAR1 is no power of
            two.
    """

    def __init__(
        self,
        chipset: Chipset,
        vram: int | None = None,
        bar1: int | None = None,
        clock: ModelClock | None = None,
        costs: Costs | None = None,
    ) -> None:
        self.chipset = chipset
        self.clock = clock or ModelClock()
        self.costs = costs or Costs()
        self.traffic = Traffic()
        self.listeners: list[Listener] = []
        self._link = Link()
        self.vram = Vram(_vram_size(chipset, vram), self.listeners)
        layout = format_for(chipset)
        self.tlb = HwTlb(layout.page_shifts, self.listeners)
        self.mmu = Mmu(self.vram, self.tlb, layout, self.listeners)
        wiring = self._link, self.traffic, self.clock, self.costs
        self.bar0 = Bar0(self.vram, chipset.window, *wiring, self.listeners)
        self.bar1 = Bar1(_bar1_size(chipset, bar1), self.vram, self.mmu, *wiring)
        self.invalidate = InvalidateUnit(self.tlb, self.clock, self.costs.invalidate_ns, self.traffic)
        self._connect_registers()
        state = boot(self.vram)
        self.gsp = state.info
        self.bar1.block.write(state.bar1_block)

    def _connect_registers(self) -> None:
        # ASSUME: chips with the XAL window keep the PBUS block registers where they were.
        add = self.bar0.registers.add
        add(registers.PMC_BOOT_42, ReadOnly(self.chipset.boot42))
        add(registers.PBUS_BAR1_BLOCK, self.bar1.block)
        add(registers.PBUS_BAR2_BLOCK, Latch((1 << 32) - 1))
        add(registers.LOCAL_MEMORY_RANGE, ReadOnly(local_memory_range(self.vram.size)))
        add(registers.USABLE_FB_MIB, ReadOnly(self.vram.size // MIB))
        self.invalidate.add_to(self.bar0.registers)

    @property
    def present(self) -> bool:
        """Whether the device is still on the bus."""
        return self._link.alive

    def remove(self) -> None:
        """Take the device off the bus: from now on reads are all ones and writes are dropped."""
        self._link.alive = False


def local_memory_range(size: int) -> int:
    """The word of the local memory range register for ``size`` bytes, rounded down to what six bits can say."""
    magnitude, scale = size // MIB, 0
    while magnitude > registers.RANGE_MAG.limit:
        magnitude >>= 1
        scale += 1
    return registers.RANGE_MAG.put(magnitude) | registers.RANGE_SCALE.put(scale)


def _vram_size(chipset: Chipset, size: int | None) -> int:
    size = chipset.vram if size is None else size
    reach = chipset.window.reach
    if size > reach:
        raise UsageError(f"VRAM of {size:#x} bytes on {chipset.name}: its window reaches {reach:#x}")
    return size


def _bar1_size(chipset: Chipset, size: int | None) -> int:
    size = chipset.bar1 if size is None else size
    if size < PAGE_SIZE or size & size - 1:
        raise UsageError(f"BAR1 of {size:#x} bytes: expected a power of two, at least 4 KiB")
    return size
