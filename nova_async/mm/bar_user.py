"""BAR1 for the CPU: map frames into the BAR1 address space and access them through the aperture.

Many mappings may be live at once, of many clients; each is unmapped when its ``async with`` ends.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import anyio

from nova_async.address import PAGE_SIZE, Pfn, Vfn, VirtualAddress
from nova_async.errors import EINVAL, EOVERFLOW
from nova_async.hw.bar1 import Bar1
from nova_async.mm.binding import Binding, gone
from nova_async.mm.mapping import MappedRange, Stage
from nova_async.mm.vmm import Vmm
from nova_async.point import observe_guarded


class BarUser:
    """The BAR1 address space.

    Args:
        bar: the aperture.
        vmm: its address space, no larger than the aperture.
        binding: the tie to the device.
    """

    def __init__(self, bar: Bar1, vmm: Vmm, binding: Binding) -> None:
        if vmm.va_size > bar.size:
            raise EINVAL(f"{vmm.name}: {vmm.va_size:#x} bytes of addresses", expected=f"BAR1's {bar.size:#x} at most")
        self._bar = bar
        self._binding = binding
        self.vmm = vmm

    async def map(self, pfns: Sequence[Pfn], *, writable: bool, owner: str) -> "BarAccess":
        """Map frames at a contiguous BAR1 range: ``async with await bar_user.map(…) as access``.

        Args:
            pfns: the frames, in order; 1 or more.
            writable: whether writes through the aperture reach them.
            owner: whose frames they are.

        Raises:
            EINVAL: no frames.
            EPERM: a frame is not the owner's.
            ENOSPC: the aperture or VRAM is full.
            ENODEV: the device is gone.
        """
        return BarAccess(self._bar, await self.vmm.map_pages(pfns, writable=writable, owner=owner), self._binding)


class BarAccess:
    """One live BAR1 mapping; offsets count from its start, in bytes."""

    def __init__(self, bar: Bar1, mapped: MappedRange, binding: Binding) -> None:
        self._bar = bar
        self._binding = binding
        self._mapped = mapped

    def __repr__(self) -> str:
        return f"<BarAccess {self._mapped!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unmap()

    @property
    def base(self) -> VirtualAddress:
        """The virtual address of the first byte."""
        return self.vfn_start.address()

    @property
    def size(self) -> int:
        """In bytes."""
        return self._mapped.num_pages * PAGE_SIZE

    @property
    def vfn_start(self) -> Vfn:
        """The first virtual frame."""
        return Vfn(self._mapped.vfn_start)

    @property
    def num_pages(self) -> int:
        """How many pages."""
        return self._mapped.num_pages

    def try_read32(self, offset: int) -> int:
        """Four bytes at an offset."""
        value = self._bar.read32(self._bar_offset(offset))
        observe_guarded(value)
        return value

    def try_write32(self, value: int, offset: int) -> None:
        """Four bytes at an offset."""
        self._bar.write32(self._bar_offset(offset), value)

    def try_read64(self, offset: int) -> int:
        """Eight bytes at an offset."""
        value = self._bar.read64(self._bar_offset(offset))
        observe_guarded(value)
        return value

    def try_write64(self, value: int, offset: int) -> None:
        """Eight bytes at an offset."""
        self._bar.write64(self._bar_offset(offset), value)

    async def unmap(self) -> None:
        """End the mapping, also while being cancelled; does nothing the second time.

        Raises:
            EIO: the device did not answer. The mapping is kept; try again.
            ETIMEDOUT: the TLB did not; likewise.
        """
        if self._mapped.stage is Stage.GONE:
            return
        with anyio.CancelScope(shield=True):
            await self._mapped.vmm.unmap_pages(self._mapped)

    def _bar_offset(self, offset: int) -> int:
        """Where in the aperture an offset of this mapping lies."""
        if self._mapped.stage is not Stage.MAPPED:
            raise EINVAL(f"{self!r}: an access after unmap")
        self._binding.may_end()
        if not self._binding.bound:
            raise gone(f"{self!r}: an access")
        if (self.base + offset) >> 64 > 0:
            raise EOVERFLOW(f"{self!r}: BAR1 offset {self.base + offset:#x}", expected="64 bits")
        if not 0 <= offset < self.size:
            raise EINVAL(f"{self!r}: offset {offset:#x}", expected=f"0 to {self.size - 1:#x}")
        return self.base + offset
