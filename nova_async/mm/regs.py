"""The registers that the memory manager touches, as the driver writes them down.

The hardware model has its own table (``hw/registers.py``); the two share no code, so that a wrong shift on one side is
seen by the other. Offsets and widths: hardware.md 1 and 3.
"""

from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT
from nova_async.errors import EINVAL, ENOTSUPP
from nova_async.hw.bar0 import Bar0
from nova_async.hw.chipset import Architecture

WINDOW_SHIFT = 16

PDB_LO = 0xB830A0
PDB_HI = 0xB830A4
INVALIDATE = 0xB830B0
INVALIDATE_ALL_VA = 1 << 0
INVALIDATE_TRIGGER = 1 << 31

PMC_BOOT_42 = 0xA00


@dataclass(frozen=True, slots=True)
class WindowRegister:
    """The register that positions the PRAMIN window.

    Attributes:
        name: as in the manuals.
        offset: in BAR0.
        address_bits: how many bits of a VRAM address the base field can name; its low 16 are always zero.
    """

    name: str
    offset: int
    address_bits: int

    def read_base(self, bar0: Bar0) -> int:
        """The VRAM address at which the window starts."""
        field = bar0.read32(self.offset) & ((1 << self.address_bits - WINDOW_SHIFT) - 1)
        return field << WINDOW_SHIFT

    def write_base(self, bar0: Bar0, base: int) -> None:
        """Move the window; the target field stays 0, video memory.

        Raises:
            EINVAL: the base is wider than the field.
        """
        if base >> self.address_bits:
            raise EINVAL(f"{self.name}: window base {base:#x}", expected=f"an address of {self.address_bits} bits")
        bar0.write32(self.offset, base >> WINDOW_SHIFT)


PBUS_WINDOW = WindowRegister("NV_PBUS_BAR0_WINDOW", 0x001700, 40)
XAL_WINDOW_GH100 = WindowRegister("gh100::NV_XAL_EP_BAR0_WINDOW", 0x10FD40, 38)
XAL_WINDOW_GB100 = WindowRegister("gb100::NV_XAL_EP_BAR0_WINDOW", 0x10FD40, 39)

_WINDOWS = {
    Architecture.TURING: PBUS_WINDOW,
    Architecture.AMPERE: PBUS_WINDOW,
    Architecture.ADA: PBUS_WINDOW,
    Architecture.HOPPER: XAL_WINDOW_GH100,
    Architecture.BLACKWELL_GB10X: XAL_WINDOW_GB100,
    Architecture.BLACKWELL_GB20X: XAL_WINDOW_GB100,
}


def pramin_window(architecture: Architecture) -> WindowRegister:
    """The window register of an architecture.

    Raises:
        ENOTSUPP: this driver does not know it.
    """
    if architecture not in _WINDOWS:
        raise ENOTSUPP(f"PRAMIN window of {architecture.name}")
    return _WINDOWS[architecture]


def pdb_words(pdb: int) -> tuple[int, int]:
    """The two halves of a page directory base, as the invalidate registers take them.

    LO takes the address shifted by 8 and cut to 32 bits; with a 4 KiB aligned base this is the manual's layout with the
    aperture bit at 0, video memory (hardware.md 3). HI takes what LO cannot hold, from bit 40 up.
    """
    if pdb & ((1 << PAGE_SHIFT) - 1):
        raise EINVAL(f"page directory base {pdb:#x}", expected="a multiple of 4 KiB")
    return (pdb >> 8) & 0xFFFF_FFFF, (pdb >> 40) & 0xFF
