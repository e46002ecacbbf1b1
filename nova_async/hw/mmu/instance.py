"""The instance block: a 4 KiB page that tells a client of the MMU its page directory (hardware.md 2.7)."""

from dataclasses import dataclass
from enum import IntEnum

from nova_async.hw.registers import Field
from nova_async.hw.vram import Vram

_DWORD = 4
PDB_LO_DWORD = 128
PDB_HI_DWORD = 129
PDB_TARGET = Field(0, 1, "PDB target")
PDB_VOLATILE = Field(2, 2, "PDB vol")
REPLAYABLE_TEX = Field(4, 4, "replayable TEX faults")
REPLAYABLE_GCC = Field(5, 5, "replayable GCC faults")
USE_V2_FORMAT = Field(10, 10, "V2 format")
BIG_PAGE_64K = Field(11, 11, "64K big pages")
PDB_LOW = Field(12, 31, "PDB bits 31:12")
_HIGH_SHIFT = 32


class PdbTarget(IntEnum):
    """Which memory the root page directory lies in."""

    VIDEO = 0
    INVALID = 1
    COHERENT = 2
    NONCOHERENT = 3


@dataclass(frozen=True, slots=True)
class InstanceBlock:
    """What the MMU reads of the block.

    Attributes:
        target: the memory of the root page directory.
        pdb: its address.
        uses_v2_format: the format bit; without it the tables have a layout that no chip here knows. ASSUME that V3
            chips have it set too.
    """

    target: PdbTarget
    pdb: int
    uses_v2_format: bool = True

    @property
    def bound(self) -> bool:
        """Whether the model can walk from here."""
        return self.target is PdbTarget.VIDEO and self.uses_v2_format

    @classmethod
    def read(cls, vram: Vram, address: int) -> "InstanceBlock":
        """Decode the block at ``address``.

        Raises:
            BusError: there is no memory.
        """
        low = vram.read(address + PDB_LO_DWORD * _DWORD, _DWORD)
        high = vram.read(address + PDB_HI_DWORD * _DWORD, _DWORD)
        pdb = high << _HIGH_SHIFT | low & PDB_LOW.mask
        return cls(PdbTarget(PDB_TARGET.get(low)), pdb, bool(USE_V2_FORMAT.get(low)))

    def write(self, vram: Vram, address: int) -> None:
        """Encode into the block at ``address``, as firmware does at boot.

        Raises:
            BusError: there is no memory.
        """
        low = self.pdb & PDB_LOW.mask | PDB_TARGET.put(self.target)
        low |= USE_V2_FORMAT.put(int(self.uses_v2_format)) | BIG_PAGE_64K.put(1)
        vram.write(address + PDB_LO_DWORD * _DWORD, _DWORD, low)
        vram.write(address + PDB_HI_DWORD * _DWORD, _DWORD, self.pdb >> _HIGH_SHIFT)
