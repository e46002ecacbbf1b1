"""BAR0: the registers, and the 1 MiB PRAMIN window into video memory (hardware.md 1)."""

from array import array
from collections.abc import Callable, Sequence

from nova_async.errors import EINVAL
from nova_async.hw import bus
from nova_async.hw.accessors import Accessors
from nova_async.hw.bus import BusError, Link, Traffic, check_access
from nova_async.hw.clock import Costs, ModelClock
from nova_async.hw.listener import Listener
from nova_async.hw.register_file import RegisterFile
from nova_async.hw.registers import (
    BAR0_SIZE,
    PRAMIN_BASE,
    PRAMIN_SIZE,
    WINDOW_GRANULARITY_SHIFT,
    WindowRegister,
    WindowTarget,
)
from nova_async.hw.vram import Vram

_QWORD = 8
_PRAMIN_END = PRAMIN_BASE + PRAMIN_SIZE


class WindowLatch:
    """The window register of one chip.

    Attributes:
        base: the video memory address at the start of the window.
        shows_video: False where the target field names another memory.
        value: the register's word.
    """

    __slots__ = ("_layout", "_traffic", "base", "shows_video", "value")

    def __init__(self, layout: WindowRegister, traffic: Traffic) -> None:
        self._layout = layout
        self._traffic = traffic
        self.value = 0
        self.base = 0
        self.shows_video = True

    def read(self) -> int:
        """What was last written."""
        return self.value

    def write(self, value: int) -> None:
        """Move the window. Bits that the register does not implement are lost."""
        layout = self._layout
        self._traffic.window_writes += 1
        self.value = value & layout.writable
        self.base = layout.base.get(value) << WINDOW_GRANULARITY_SHIFT
        self.shows_video = layout.target is None or layout.target.get(value) == WindowTarget.VIDEO


class Bar0(Accessors):
    """The host's way to registers and, through the window, to video memory.

    Offsets are bytes from the start of the BAR. Every access costs model time and is counted. A read that fails
    returns an error word, a write that fails is dropped (:mod:`nova_async.hw.bus`).

    Attributes:
        traffic: what went over the bus.
        window: the window register.
        registers: the other registers.
        read_fails: asked with (offset, length) before each read while set; where it says yes, the read returns the
            PRI-timeout word. For fault plans.
    """

    def __init__(
        self,
        vram: Vram,
        layout: WindowRegister,
        link: Link,
        traffic: Traffic,
        clock: ModelClock,
        costs: Costs,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._vram = vram
        self._link = link
        self.traffic = traffic
        self._clock = clock
        self._read_ns = costs.read_ns
        self._write_ns = costs.write_ns
        self._listeners = listeners
        # ASSUME: a chip with the XAL window answers with the XAL dummy word where memory is missing.
        self._absent = bus.FB_ABSENT if layout.target else bus.XAL_DUMMY
        self.window = WindowLatch(layout, traffic)
        self.registers = RegisterFile()
        self.registers.add(layout.offset, self.window)
        self.read_fails: Callable[[int, int], bool] | None = None

    def read_run(self, offset: int, count: int) -> "array[int]":
        """Read ``count`` 64-bit words through the window: ``count`` transactions, one call.

        Raises:
            EINVAL: misaligned, or not inside PRAMIN.
        """
        self._check_run(offset, count)
        self.traffic.reads += count
        self._clock.now += self._read_ns * count
        error = self._read_error(offset, count * _QWORD)
        if error:
            return _error_run(error, count)
        physical = self._physical(offset)
        present = self._present(physical, count)
        values = self._vram.read_run(physical, present) if present else array("Q")
        values += _error_run(self._absent, count - present)
        self._tell_access(physical, count * _QWORD, write=False)
        return values

    def write_run(self, offset: int, values: "array[int]") -> None:
        """Write 64-bit words through the window: one transaction each, one call.

        Raises:
            EINVAL: misaligned, or not inside PRAMIN.
        """
        self._store_run(offset, len(values), lambda to, present: self._vram.write_run(to, values[:present]))

    def fill(self, offset: int, count: int, value: int) -> None:
        """Write ``value`` to ``count`` 64-bit words through the window: one transaction each, one call.

        Raises:
            EINVAL: misaligned, or not inside PRAMIN.
        """
        self._store_run(offset, count, lambda to, present: self._vram.fill(to, present, value))

    def _read(self, offset: int, width: int) -> int:
        if offset & width - 1 or not 0 <= offset <= BAR0_SIZE - width:
            check_access("BAR0", offset, width, BAR0_SIZE)
        self.traffic.reads += 1
        self._clock.now += self._read_ns
        error = self._read_error(offset, width)
        if error:
            return bus.error_value(error, width)
        if not PRAMIN_BASE <= offset < _PRAMIN_END:
            return self.registers.read(offset, width)
        physical = self.window.base + offset - PRAMIN_BASE
        try:
            value = self._vram.read(physical, width)
        except BusError:
            value = bus.error_value(self._absent, width)
        if self._listeners:
            self._tell_access(physical, width, write=False)
        return value

    def _write(self, offset: int, width: int, value: int) -> None:
        if offset & width - 1 or not 0 <= offset <= BAR0_SIZE - width:
            check_access("BAR0", offset, width, BAR0_SIZE)
        self.traffic.writes += 1
        self._clock.now += self._write_ns
        if not self._link.alive:
            return
        if PRAMIN_BASE <= offset < _PRAMIN_END:
            self._write_window(self.window.base + offset - PRAMIN_BASE, width, value)
        else:
            self.registers.write(offset, width, value)
            for listener in self._listeners:
                listener.register_written(offset, value)

    def _write_window(self, physical: int, width: int, value: int) -> None:
        if not self.window.shows_video:
            return
        if physical + width <= self._vram.size:
            self._vram.write(physical, width, value)
        if self._listeners:
            self._tell_access(physical, width, write=True)

    def _read_error(self, offset: int, length: int) -> int:
        """The error word that a read at ``offset`` meets before memory, or 0."""
        if not self._link.alive:
            return bus.GONE
        if self.read_fails is not None and self.read_fails(offset, length):
            return bus.HOST_PRI_TIMEOUT
        if not self.window.shows_video and PRAMIN_BASE <= offset < _PRAMIN_END:
            return bus.PRI_CLIENT_ERROR  # ASSUME: system memory is not part of the model
        return 0

    def _store_run(self, offset: int, count: int, store: Callable[[int, int], None]) -> None:
        """Count and charge a run of writes, and ``store`` at (address, words) as many as there is memory for."""
        self._check_run(offset, count)
        self.traffic.writes += count
        self._clock.now += self._write_ns * count
        if not self._link.alive or not self.window.shows_video:
            return
        physical = self._physical(offset)
        present = self._present(physical, count)
        if present:
            store(physical, present)
        self._tell_access(physical, count * _QWORD, write=True)

    def _check_run(self, offset: int, count: int) -> None:
        if offset % _QWORD:
            raise EINVAL(f"PRAMIN: offset {offset:#x} for a run of 64-bit words", expected="a multiple of 8")
        if count < 0 or offset < PRAMIN_BASE or offset + count * _QWORD > _PRAMIN_END:
            raise EINVAL(
                f"PRAMIN: {count} 64-bit words at offset {offset:#x}",
                expected=f"a run inside {PRAMIN_BASE:#x} to {_PRAMIN_END - 1:#x}",
            )

    def _physical(self, offset: int) -> int:
        # No source says what happens where base plus offset leave the register's width; ASSUME the sum is not cut.
        return self.window.base + offset - PRAMIN_BASE

    def _present(self, physical: int, count: int) -> int:
        """How many of ``count`` 64-bit words at ``physical`` exist."""
        return max(0, min(count, (self._vram.size - physical) // _QWORD))

    def _tell_access(self, physical: int, width: int, *, write: bool) -> None:
        for listener in self._listeners:
            listener.pramin_access(physical, width, write=write)


def _error_run(word: int, count: int) -> "array[int]":
    return array("Q", [bus.error_value(word, _QWORD)]) * count
