"""The chips that nova knows (hardware.md 6), with what differs between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from nova_async.address import GIB, MIB
from nova_async.errors import ENODEV, UsageError
from nova_async.hw.registers import (
    BOOT_42_ARCHITECTURE,
    BOOT_42_IMPLEMENTATION,
    PBUS_WINDOW,
    XAL_WINDOW_38,
    XAL_WINDOW_39,
    WindowRegister,
)

_IMPLEMENTATION_BITS = 4


class Architecture(IntEnum):
    """The generation; the value is the id in PMC_BOOT_42."""

    TURING = 0x16
    AMPERE = 0x17
    HOPPER = 0x18
    ADA = 0x19
    BLACKWELL_GB10X = 0x1A
    BLACKWELL_GB20X = 0x1B


class MmuVersion(IntEnum):
    """The page-table format (hardware.md 2.1)."""

    V2 = 2
    V3 = 3


@dataclass(frozen=True, slots=True)
class Chipset:
    """One chip.

    Attributes:
        name: as NVIDIA writes it.
        id: architecture << 4 | implementation.
        architecture: the generation.
        mmu_version: the page-table format.
        window: the register that places the PRAMIN window.
        vram: the video memory of a usual board, in bytes.
        bar1: the BAR1 of such a board, in bytes.
    """

    name: str
    id: int
    architecture: Architecture
    mmu_version: MmuVersion
    window: WindowRegister
    vram: int
    bar1: int

    @classmethod
    def named(cls, name: str) -> "Chipset":
        """The chip of that name, upper or lower case.

        Raises:
            UsageError: there is none.
        """
        try:
            return CHIPSETS[name.upper()]
        except KeyError:
            raise UsageError.unknown("chip", name, CHIPSETS) from None

    @classmethod
    def from_boot42(cls, value: int) -> "Chipset":
        """The chip that PMC_BOOT_42 names.

        Raises:
            ENODEV: no known chip has that id; a lost device, which reads all ones, has none either.
        """
        architecture = BOOT_42_ARCHITECTURE.get(value)
        chip_id = architecture << _IMPLEMENTATION_BITS | BOOT_42_IMPLEMENTATION.get(value)
        try:
            return _BY_ID[chip_id]
        except KeyError:
            raise ENODEV(f"PMC_BOOT_42 {value:#010x}: chip id {chip_id:#x}", expected="a known chip") from None

    @property
    def boot42(self) -> int:
        """What PMC_BOOT_42 reads on this chip."""
        implementation = self.id & BOOT_42_IMPLEMENTATION.limit
        return BOOT_42_ARCHITECTURE.put(self.architecture) | BOOT_42_IMPLEMENTATION.put(implementation)


@dataclass(frozen=True, slots=True)
class _Generation:
    architecture: Architecture
    mmu_version: MmuVersion
    window: WindowRegister

    def chip(self, name: str, implementation: int, vram_gib: int, bar1: int = 256 * MIB) -> Chipset:
        chip_id = self.architecture << _IMPLEMENTATION_BITS | implementation
        return Chipset(name, chip_id, self.architecture, self.mmu_version, self.window, vram_gib * GIB, bar1)


_TURING = _Generation(Architecture.TURING, MmuVersion.V2, PBUS_WINDOW)
_AMPERE = _Generation(Architecture.AMPERE, MmuVersion.V2, PBUS_WINDOW)
_HOPPER = _Generation(Architecture.HOPPER, MmuVersion.V3, XAL_WINDOW_38)
_ADA = _Generation(Architecture.ADA, MmuVersion.V2, PBUS_WINDOW)
_GB10X = _Generation(Architecture.BLACKWELL_GB10X, MmuVersion.V3, XAL_WINDOW_39)
_GB20X = _Generation(Architecture.BLACKWELL_GB20X, MmuVersion.V3, XAL_WINDOW_39)

# ASSUME for memory sizes: product knowledge, one usual board a chip (hardware.md 6). Without resizable BAR, BAR1 is
# 256 MiB; data-centre boards have a power of two that covers their memory.
_ALL = (
    _TURING.chip("TU102", 2, vram_gib=24),
    _TURING.chip("TU104", 4, vram_gib=8),
    _TURING.chip("TU106", 6, vram_gib=6),
    _TURING.chip("TU117", 7, vram_gib=6),
    _TURING.chip("TU116", 8, vram_gib=6),
    _AMPERE.chip("GA100", 0, vram_gib=40, bar1=64 * GIB),
    _AMPERE.chip("GA102", 2, vram_gib=24),
    _AMPERE.chip("GA103", 3, vram_gib=16),
    _AMPERE.chip("GA104", 4, vram_gib=8),
    _AMPERE.chip("GA106", 6, vram_gib=12),
    _AMPERE.chip("GA107", 7, vram_gib=8),
    _HOPPER.chip("GH100", 0, vram_gib=80, bar1=128 * GIB),
    _ADA.chip("AD102", 2, vram_gib=24),
    _ADA.chip("AD103", 3, vram_gib=16),
    _ADA.chip("AD104", 4, vram_gib=12),
    _ADA.chip("AD106", 6, vram_gib=8),
    _ADA.chip("AD107", 7, vram_gib=8),
    _GB10X.chip("GB100", 0, vram_gib=190, bar1=256 * GIB),
    _GB10X.chip("GB102", 2, vram_gib=190, bar1=256 * GIB),
    _GB20X.chip("GB202", 2, vram_gib=32),
    _GB20X.chip("GB203", 3, vram_gib=16),
    _GB20X.chip("GB205", 5, vram_gib=12),
    _GB20X.chip("GB206", 6, vram_gib=8),
    _GB20X.chip("GB207", 7, vram_gib=8),
)

CHIPSETS: Mapping[str, Chipset] = MappingProxyType({chip.name: chip for chip in _ALL})
"""Every chip by its name, oldest generation first."""

_BY_ID = {chip.id: chip for chip in _ALL}
