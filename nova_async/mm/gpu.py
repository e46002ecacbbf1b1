"""The device as the driver sees it after probe: chip, memory manager, BAR1."""

from dataclasses import dataclass
from typing import Self

from nova_async.address import VramAddress
from nova_async.errors import ENODEV
from nova_async.hw.board import Board, FbRegion
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.mm.bar_user import BarUser
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.regs import PMC_BOOT_42
from nova_async.mm.vmm import Vmm


@dataclass(frozen=True, slots=True)
class Gpu:
    """One probed device."""

    kernel: Kernel
    board: Board
    chipset: Chipset
    mm: GpuMm
    bar_user: BarUser
    address_spaces: list[Vmm]
    """Every address space, BAR1 first; a closed one may be missing once all of its addresses are free."""

    @classmethod
    def probe(cls, kernel: Kernel, board: Board) -> Self:
        """Read the boot register and firmware's layout, and set the memory manager up.

        Raises:
            ENODEV: an unknown chip, or no usable VRAM.
        """
        chipset = Chipset.from_boot42(board.bar0.read32(PMC_BOOT_42))
        gsp = board.gsp
        usable = usable_region(gsp.fb_regions)
        mm = GpuMm(kernel, board.bar0, chipset, board.clock, usable, gsp.total_fb_end)
        vmm = Vmm(mm, VramAddress(gsp.bar1_pde_base), chipset.mmu_version, board.bar1.size, name="bar1", owner="driver")
        mm.binding.on_unbind.append(board.remove)
        return cls(kernel, board, chipset, mm, BarUser(board.bar1, vmm, mm.binding), [vmm])

    def unbind(self) -> None:
        """The device goes away, whoever is at work on it: everything new is ENODEV, what is under way is undone."""
        self.mm.binding.unbind()

    def vmm(self, pdb_addr: VramAddress, va_size: int, *, name: str, owner: str) -> Vmm:
        """An address space in this chip's format."""
        vmm = Vmm(self.mm, pdb_addr, self.chipset.mmu_version, va_size, name=name, owner=owner)
        spaces = self.address_spaces
        if not len(spaces) & (len(spaces) - 1):  # at powers of two, so that it costs next to nothing
            spaces[:] = [space for space in spaces if not space.settled]
        spaces.append(vmm)
        return vmm


def usable_region(regions: tuple[FbRegion, ...]) -> range:
    """The first region that GSP leaves to the driver (hardware.md 4.6).

    Raises:
        ENODEV: there is none.
    """
    for region in regions:
        if _is_usable(region):
            return range(region.base, region.limit + 1)
    raise ENODEV(f"GSP reports {len(regions)} regions", expected="one that is neither reserved nor protected")


def _is_usable(region: FbRegion) -> bool:
    free = region.limit >= region.base and not region.reserved and not region.protected
    return free and region.support_compressed and region.support_iso
