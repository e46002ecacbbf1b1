"""What the GPU System Processor's firmware leaves behind at boot (hardware.md 4.6)."""

from dataclasses import dataclass

from nova_async.address import KIB, MIB, PAGE_SIZE
from nova_async.errors import UsageError
from nova_async.hw.mmu.instance import InstanceBlock, PdbTarget
from nova_async.hw.registers import BLOCK_MODE_VIRTUAL, BLOCK_PTR, BLOCK_PTR_SHIFT
from nova_async.hw.vram import Vram

MIN_VRAM = 256 * KIB
"""Less video memory leaves too little between the two reserved regions."""

# ASSUME: real boards reserve hundreds of MiB at the top. Sizes do not matter to the driver, so small boards keep most
# of their memory usable.
_RESERVED_MIN = 64 * KIB
_RESERVED_MAX = 16 * MIB
_RESERVED_SHIFT = 6  # one part in 64


@dataclass(frozen=True, slots=True)
class FbRegion:
    """One region of video memory.

    Attributes:
        base: the first address.
        limit: the last address.
        reserved: how many of its bytes firmware keeps for itself; 0 for usable memory.
        protected: only firmware may touch it.
        support_compressed: compressed surfaces may lie here.
        support_iso: the display may read from here.
    """

    base: int
    limit: int
    reserved: int
    protected: bool
    support_compressed: bool
    support_iso: bool

    @property
    def size(self) -> int:
        """In bytes."""
        return self.limit + 1 - self.base

    @classmethod
    def usable(cls, base: int, end: int) -> "FbRegion":
        """Memory for the driver, from ``base`` up to but not including ``end``."""
        return cls(base, end - 1, reserved=0, protected=False, support_compressed=True, support_iso=True)

    @classmethod
    def kept(cls, base: int, end: int) -> "FbRegion":
        """Memory that firmware keeps, from ``base`` up to but not including ``end``."""
        return cls(base, end - 1, reserved=end - base, protected=True, support_compressed=False, support_iso=False)


@dataclass(frozen=True, slots=True)
class GspStaticInfo:
    """What firmware tells the driver once.

    Attributes:
        fb_regions: all of video memory, ascending.
        bar1_pde_base: the address of the root page directory of BAR1, above usable memory.
        total_fb_end: the first address beyond video memory.
    """

    fb_regions: tuple[FbRegion, ...]
    bar1_pde_base: int
    total_fb_end: int


@dataclass(frozen=True, slots=True)
class BootState:
    """What boot leaves: the static information, and the word for BAR1_BLOCK."""

    info: GspStaticInfo
    bar1_block: int


def boot(vram: Vram) -> BootState:
    """Divide ``vram`` and write the BAR1 instance block; the root page directory starts out empty.

    Raises:
        UsageError: the memory is too small, or no whole number of 4 KiB pages.
    """
    size = vram.size
    if size % PAGE_SIZE or size < MIN_VRAM:
        raise UsageError(f"VRAM of {size:#x} bytes: expected a multiple of 4 KiB and at least {MIN_VRAM // KIB} KiB")
    kept = min(_RESERVED_MAX, max(_RESERVED_MIN, size >> _RESERVED_SHIFT)) & -_RESERVED_MIN
    top = size - kept
    regions = (FbRegion.kept(0, kept), FbRegion.usable(kept, top), FbRegion.kept(top, size))
    instance_block, root = top, top + PAGE_SIZE
    InstanceBlock(PdbTarget.VIDEO, root).write(vram, instance_block)
    block = BLOCK_PTR.put(instance_block >> BLOCK_PTR_SHIFT) | BLOCK_MODE_VIRTUAL.put(1)
    return BootState(GspStaticInfo(regions, root, size), block)
