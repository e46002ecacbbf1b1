"""Direct VRAM access through the PRAMIN aperture, as of May 2026.

A 1 MiB window of BAR0 slides over VRAM in steps of 64 KiB. :class:`Pramin` owns the lock, :class:`PraminWindow` is the
exclusive right to use the window. The base stays where the last access left it; an access that does not fit the
current 1 MiB moves it to the address rounded down to 64 KiB (hardware.md 1).

The lock is taken in the DMA-fence signalling path: nothing reclaimable may be allocated under it.
"""

from array import array
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from nova_async.address import KIB, MIB, align_down
from nova_async.errors import EINVAL, EIO
from nova_async.hw.bar0 import Bar0
from nova_async.kernel import Kernel, MutexGuard
from nova_async.kernel.guarded import stateless
from nova_async.mm.binding import Binding, gone
from nova_async.mm.lock_order import PRAMIN
from nova_async.mm.observer import Observer
from nova_async.mm.regs import WindowRegister
from nova_async.point import observe_guarded

PRAMIN_BASE = 0x700000
PRAMIN_SIZE = MIB
WINDOW_ALIGN = 64 * KIB


class Pramin:
    """The aperture of one device and the lock that guards it.

    Args:
        kernel: makes the lock.
        bar0: the register BAR.
        register: the window register of this architecture.
        vram_region: the addresses that may be accessed: all of VRAM, for firmware's page directories lie above the
            usable part.
        observers: who is told of every access.
        binding: the tie to the device; None for one that nothing cuts.
    """

    def __init__(
        self,
        kernel: Kernel,
        bar0: Bar0,
        register: WindowRegister,
        vram_region: range,
        observers: Sequence[Observer] = (),
        binding: Binding | None = None,
    ) -> None:
        self.vram_region = vram_region
        self.bar0 = bar0
        self.register = register
        self.faults = kernel.faults
        self.binding = binding or Binding(kernel.faults)
        self.observers = observers
        # Where the window is decides on how many register writes an access takes, not on what it does.
        self._base = kernel.mutex(PRAMIN, register.read_base(bar0), state=stateless, told=False)

    def window(self, *, private: bool = False) -> "PraminWindow":
        """Exclusive access: ``async with pramin.window() as window``.

        Args:
            private: to pages that nobody else can change until then; see :meth:`nova_async.kernel.Mutex.lock`.
        """
        return PraminWindow(self, self._base.lock(private=private))


class PraminWindow:
    """VRAM reads and writes by absolute address, for as long as the window lock is held.

    Every accessor raises EINVAL for an address outside the VRAM region or no multiple of its width, and EIO where the
    fault plan says so. Once the device is gone reads are ENODEV, and writes go nowhere.
    """

    __slots__ = ("_bar0", "_base", "_observers", "_pramin", "_start", "_stop")

    def __init__(self, pramin: Pramin, base: MutexGuard[int]) -> None:
        self._pramin = pramin
        self._base = base
        self._bar0 = pramin.bar0
        self._observers = pramin.observers
        self._start = pramin.vram_region.start
        self._stop = pramin.vram_region.stop

    async def __aenter__(self) -> Self:
        await self._base.__aenter__()
        self._pramin.binding.may_end()
        for observer in self._observers:
            observer.window_taken()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for observer in self._observers:
            observer.window_released()
        self._base.release()

    def try_read8(self, address: int) -> int:
        """One byte."""
        return self._told(self._bar0.read8(self._readable(address, 1)))

    def try_read16(self, address: int) -> int:
        """Two bytes, little endian."""
        return self._told(self._bar0.read16(self._readable(address, 2)))

    def try_read32(self, address: int) -> int:
        """Four bytes, little endian."""
        return self._told(self._bar0.read32(self._readable(address, 4)))

    def try_read64(self, address: int) -> int:
        """Eight bytes, little endian, in one transaction."""
        word = self._bar0.read64(self._readable(address, 8))
        for observer in self._observers:
            observer.entries_read((word,))
        return word

    def try_write8(self, address: int, value: int) -> None:
        """One byte."""
        self._bar0.write8(self._position(address, 1), value)

    def try_write16(self, address: int, value: int) -> None:
        """Two bytes, little endian."""
        self._bar0.write16(self._position(address, 2), value)

    def try_write32(self, address: int, value: int) -> None:
        """Four bytes, little endian."""
        self._bar0.write32(self._position(address, 4), value)

    def try_write64(self, address: int, value: int) -> None:
        """Eight bytes, little endian, in one transaction."""
        self._bar0.write64(self._position(address, 8), value)

    def read_run(self, address: int, count: int) -> "array[int]":
        """``count`` 64-bit words from ``address`` on."""
        self._must_be_there(address)
        words: array[int] = array("Q")
        for offset, span in self._spans(address, count):
            words += self._bar0.read_run(offset, span)
        for observer in self._observers:
            observer.entries_read(words)
        return words

    def write_run(self, address: int, words: "array[int]") -> None:
        """Consecutive 64-bit words from ``address`` on."""
        done = 0
        for offset, span in self._spans(address, len(words)):
            self._bar0.write_run(offset, words[done : done + span])
            done += span

    def fill(self, address: int, count: int, value: int = 0) -> None:
        """``count`` 64-bit words of one value."""
        for offset, span in self._spans(address, count):
            self._bar0.fill(offset, span, value)

    def _told(self, value: int) -> int:
        observe_guarded(value)
        return value

    def _spans(self, address: int, count: int) -> Iterator[tuple[int, int]]:
        """The parts of a run, each a BAR0 offset and a word count, with the window on it when it is handed out."""
        self._check(address, 8, address + 8 * count)
        while count:
            offset = self._position(address, 8)
            span = min(count, (PRAMIN_BASE + PRAMIN_SIZE - offset) >> 3)
            yield offset, span
            address += span << 3
            count -= span

    def _readable(self, address: int, size: int) -> int:
        self._must_be_there(address)
        return self._position(address, size)

    def _must_be_there(self, address: int) -> None:
        if not self._pramin.binding.bound:
            raise gone(f"pramin: a read at {address:#x}")

    def _position(self, address: int, size: int) -> int:
        """Move the window if it must be moved; the BAR0 offset of the access."""
        self._check(address, size, address + size)
        if self._pramin.faults.strikes("mmio"):
            raise EIO(f"pramin: no answer at {address:#x}", hint="a fault of the bus, injected")
        base = self._base.data
        if address < base or address + size > base + PRAMIN_SIZE:
            base = self._reposition(align_down(address, WINDOW_ALIGN))
        for observer in self._observers:
            observer.window_used(self._bar0, base)
        return PRAMIN_BASE + address - base

    def _check(self, address: int, size: int, end: int) -> None:
        if address < self._start or end > self._stop:
            raise EINVAL(
                f"pramin: {end - address} bytes at {address:#x}", expected=f"VRAM, {self._start:#x} to {self._stop:#x}"
            )
        if address % size:
            raise EINVAL(f"pramin: a {8 * size}-bit access at {address:#x}", expected=f"a multiple of {size}")

    def _reposition(self, base: int) -> int:
        self._pramin.register.write_base(self._bar0, base)
        self._base.data = base
        return base
