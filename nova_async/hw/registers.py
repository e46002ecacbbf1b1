"""Offsets in BAR0 and bit positions, as data.

Numbers are those of hardware.md 1, 3 and 6; bits are written lowest first.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from nova_async.address import MIB
from nova_async.errors import EINVAL, InternalError


@dataclass(frozen=True, slots=True)
class Field:
    """The bits ``lo`` to ``hi`` of a word, both included.

    Attributes:
        lo: the lowest bit.
        hi: the highest bit.
        name: what messages call it.
        limit: the largest value that fits.
        mask: the bits it occupies in the word.
    """

    lo: int
    hi: int
    name: str = "field"
    limit: int = field(init=False)
    mask: int = field(init=False)

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise InternalError(f"{self.name}: bits {self.lo} to {self.hi} are written lowest first")
        object.__setattr__(self, "limit", (1 << self.hi - self.lo + 1) - 1)
        object.__setattr__(self, "mask", self.limit << self.lo)

    def get(self, word: int) -> int:
        """The value of the field in ``word``."""
        return (word & self.mask) >> self.lo

    def put(self, value: int, word: int = 0) -> int:
        """``word`` with the field set to ``value``.

        Raises:
            EINVAL: the value does not fit.
        """
        if not 0 <= value <= self.limit:
            raise EINVAL(f"{self.name} {value:#x}", expected=f"0 to {self.limit:#x}")
        return word & ~self.mask | value << self.lo


BAR0_SIZE = 16 * MIB
"""What nova-core maps (hardware.md 1)."""

# The sliding window into video memory (hardware.md 1).
PRAMIN_BASE = 0x700000
PRAMIN_SIZE = MIB
WINDOW_GRANULARITY_SHIFT = 16
"""The window register holds an address shifted right by this: steps of 64 KiB."""


class WindowTarget(IntEnum):
    """Which memory the PBUS window shows.

    The codes are those of RM and the tu104 and ga100 manuals, not of the January patch's comment, which shifts the
    two system memories by one (hardware.md 1).
    """

    VIDEO = 0
    COHERENT = 2
    NONCOHERENT = 3


@dataclass(frozen=True, slots=True)
class WindowRegister:
    """The register that places the PRAMIN window (hardware.md 1).

    Attributes:
        name: the manual's.
        offset: in BAR0.
        base: the window's first address, shifted right by 16.
        target: which memory; None where the register has no such field and always shows video memory.
    """

    name: str
    offset: int
    base: Field
    target: Field | None = None

    @property
    def address_bits(self) -> int:
        """The width of the addresses that the base field can hold."""
        return self.base.hi - self.base.lo + 1 + WINDOW_GRANULARITY_SHIFT

    @property
    def reach(self) -> int:
        """The bytes of video memory that the base field can name."""
        return 1 << self.address_bits

    @property
    def writable(self) -> int:
        """The bits the register implements."""
        return self.base.mask | (self.target.mask if self.target else 0)


_XAL_WINDOW = 0x10F000 + 0xD40  # XAL_EP block + register (hardware.md 1)

PBUS_WINDOW = WindowRegister(
    "NV_PBUS_BAR0_WINDOW", 0x001700, Field(0, 23, "window base"), Field(24, 25, "window target")
)
XAL_WINDOW_38 = WindowRegister("NV_XAL_EP_BAR0_WINDOW", _XAL_WINDOW, Field(0, 21, "window base"))
XAL_WINDOW_39 = WindowRegister("NV_XAL_EP_BAR0_WINDOW", _XAL_WINDOW, Field(0, 22, "window base"))

# Which chip this is (hardware.md 6).
PMC_BOOT_42 = 0x000A00
BOOT_42_ARCHITECTURE = Field(24, 29, "architecture")
BOOT_42_IMPLEMENTATION = Field(20, 23, "implementation")

# Where BAR1 and BAR2 find their instance blocks (hardware.md 1).
PBUS_BAR1_BLOCK = 0x001704
PBUS_BAR2_BLOCK = 0x001714
BLOCK_PTR = Field(0, 27, "instance block")
BLOCK_TARGET = Field(28, 29, "instance block target")
BLOCK_MODE_VIRTUAL = Field(31, 31, "virtual mode")
BLOCK_PTR_SHIFT = 12

# How much video memory there is (hardware.md 1).
LOCAL_MEMORY_RANGE = 0x100CE0
RANGE_SCALE = Field(0, 3, "range scale")
RANGE_MAG = Field(4, 9, "range magnitude")
RANGE_ECC = Field(30, 30, "range ECC")
USABLE_FB_MIB = 0x1183A4

# TLB invalidation, in the PF alias of the virtual-function block (hardware.md 3).
INVALIDATE_PDB = 0xB830A0
PDB_SYSTEM = Field(1, 1, "PDB aperture")
PDB_LO = Field(4, 31, "PDB bits 39:12")
PDB_LO_SHIFT = 12
INVALIDATE_UPPER_PDB = 0xB830A4
PDB_HI = Field(0, 19, "PDB bits 59:40")
PDB_HI_SHIFT = 40
INVALIDATE = 0xB830B0
INVALIDATE_ALL_VA = Field(0, 0, "all VA")
INVALIDATE_ALL_PDB = Field(1, 1, "all PDB")
INVALIDATE_HUB_ONLY = Field(2, 2, "hub only")
INVALIDATE_REPLAY = Field(3, 5, "replay")
INVALIDATE_SYS_MEMBAR = Field(6, 6, "sys membar")
INVALIDATE_ACK = Field(7, 8, "ack")
INVALIDATE_CANCEL_CLIENT_ID = Field(9, 14, "cancel client id")
INVALIDATE_CANCEL_GPC_ID = Field(15, 19, "cancel GPC id")
INVALIDATE_SCOPE = Field(15, 16, "scope")  # from GA100; shares bits with the GPC id
INVALIDATE_CANCEL_CLIENT_TYPE = Field(20, 20, "cancel client type")
INVALIDATE_USE_PASID = Field(21, 21, "use PASID")
INVALIDATE_USE_SIZE = Field(22, 22, "use size")
INVALIDATE_PROP_FLUSH = Field(23, 23, "prop flush")
INVALIDATE_CACHE_LEVEL = Field(24, 26, "cache level")
INVALIDATE_SKIPPED = Field(30, 30, "skipped")
INVALIDATE_TRIGGER = Field(31, 31, "trigger")
