"""The PRAMIN window of January 2026 (seed document 1).

What mirrors what:

* entering the context is ``Window::new``: the register is read once, saved, and believed from then on;
* ``try_read*`` and ``try_write*`` are the accessor macros: bounds first, then the base by comparison with the cached
  one, then the access. Two points, for another task may run between the two register accesses;
* the needed base is always the address rounded down to 64 KiB, so the window moves at every 64 KiB line although it
  shows 1 MiB (hardware.md 1);
* leaving the context is ``Drop``: the saved base is put back, but only if the cached one differs from it.
"""

from types import TracebackType
from typing import Self

import anyio

from nova_async.address import align_down
from nova_async.errors import EINVAL, ENODEV
from nova_async.hw.bar0 import Bar0
from nova_async.mm.pramin import PRAMIN_BASE, WINDOW_ALIGN
from nova_async.mm.regs import PBUS_WINDOW
from nova_async.mm.v6.devres import Devres
from nova_async.operation import Operation
from nova_async.point import observe, point, share

ADDRESS_LIMIT = 1 << 40
"""What 24 bits of base can name. How much VRAM there is was not asked (hazards.md B15)."""


class Window:
    """VRAM reads and writes by absolute address, with nobody's permission: ``async with Window(bar) as window``.

    Every accessor raises EINVAL for an address beyond 2^40 or no multiple of its width, and ENODEV after an unbind.

    Args:
        bar: BAR0. The register is that of Turing to Ada, whatever the chip.

    Attributes:
        current_base: where this object believes the window to be.
    """

    __slots__ = ("_bar", "_saved_base", "current_base")

    def __init__(self, bar: Devres) -> None:
        self._bar = bar
        self._saved_base = 0
        self.current_base = 0

    async def __aenter__(self) -> Self:
        bar0 = self._bar.try_access()
        await point(self._bar.look)
        self._saved_base = self.current_base = PBUS_WINDOW.read_base(bar0)
        observe(self.current_base)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.current_base == self._saved_base:
            return
        try:
            bar0 = self._bar.try_access()
        except ENODEV:
            return
        with anyio.CancelScope(shield=True):
            await point(self._bar.move)
        _move(bar0, self._saved_base)

    async def try_read8(self, address: int) -> int:
        """One byte."""
        bar0, offset = await self._reach(address, 1, self._bar.read)
        return _told(bar0.read8(offset))

    async def try_read16(self, address: int) -> int:
        """Two bytes, little endian."""
        bar0, offset = await self._reach(address, 2, self._bar.read)
        return _told(bar0.read16(offset))

    async def try_read32(self, address: int) -> int:
        """Four bytes, little endian."""
        bar0, offset = await self._reach(address, 4, self._bar.read)
        return _told(bar0.read32(offset))

    async def try_read64(self, address: int) -> int:
        """Eight bytes, little endian, in one transaction."""
        bar0, offset = await self._reach(address, 8, self._bar.read)
        return _told(bar0.read64(offset))

    async def try_write8(self, address: int, value: int) -> None:
        """One byte."""
        bar0, offset = await self._reach(address, 1, self._bar.write)
        bar0.write8(offset, value)

    async def try_write16(self, address: int, value: int) -> None:
        """Two bytes, little endian."""
        bar0, offset = await self._reach(address, 2, self._bar.write)
        bar0.write16(offset, value)

    async def try_write32(self, address: int, value: int) -> None:
        """Four bytes, little endian."""
        bar0, offset = await self._reach(address, 4, self._bar.write)
        bar0.write32(offset, value)

    async def try_write64(self, address: int, value: int) -> None:
        """Eight bytes, little endian, in one transaction."""
        bar0, offset = await self._reach(address, 8, self._bar.write)
        bar0.write64(offset, value)

    async def _reach(self, address: int, size: int, access: Operation) -> tuple[Bar0, int]:
        """Move the window unless this object believes it is there; the BAR and the offset, right before the access."""
        if address < 0 or address + size > ADDRESS_LIMIT:
            raise EINVAL(f"pramin: {size} bytes at {address:#x}", expected="an address of 40 bits")
        base = align_down(address, WINDOW_ALIGN)
        bar0 = self._bar.try_access()
        if base != self.current_base:
            await point(self._bar.move)
            _move(bar0, base)
            self.current_base = base
        await point(access)
        for observer in self._bar.observers:
            observer.window_used(bar0, base)
        return bar0, PRAMIN_BASE + address - base


def _move(bar0: Bar0, base: int) -> None:
    PBUS_WINDOW.write_base(bar0, base)
    share("window of January", base)


def _told(value: int) -> int:
    observe(value)
    return value
