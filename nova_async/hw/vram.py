"""Video memory: sparse, so that 48 GiB cost what is touched of them."""

import sys
from array import array
from collections.abc import Iterator, Sequence
from struct import Struct

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, U64_MAX
from nova_async.hw.bus import BusError
from nova_async.hw.listener import Listener

_OFFSET_MASK = PAGE_SIZE - 1
_QWORD = 8
_FORMATS = {1: Struct("<B"), 2: Struct("<H"), 4: Struct("<I"), 8: Struct("<Q")}
_UNPACK = {width: layout.unpack_from for width, layout in _FORMATS.items()}
_PACK = {width: layout.pack_into for width, layout in _FORMATS.items()}


class Vram:
    """``size`` bytes of little-endian memory, zero at power-on.

    Accesses are naturally aligned; the bus sees to it.

    Args:
        size: in bytes.
        listeners: who is told of writes.
    """

    __slots__ = ("_listeners", "_pages", "size")

    def __init__(self, size: int, listeners: Sequence[Listener] = ()) -> None:
        self.size = size
        self._listeners = listeners
        self._pages: dict[int, bytearray] = {}

    @property
    def touched_pages(self) -> tuple[int, ...]:
        """The frame numbers of the pages that hold something, ascending."""
        return tuple(sorted(self._pages))

    def read(self, address: int, width: int) -> int:
        """The ``width`` bytes (1, 2, 4 or 8) at ``address``.

        Raises:
            BusError: there is no memory.
        """
        if address + width > self.size:
            raise BusError(f"VRAM read at {address:#x}: the memory ends at {self.size:#x}")
        page = self._pages.get(address >> PAGE_SHIFT)
        if page is None:
            return 0
        value: int = _UNPACK[width](page, address & _OFFSET_MASK)[0]
        return value

    def write(self, address: int, width: int, value: int) -> None:
        """Store the low ``width`` bytes (1, 2, 4 or 8) of ``value`` at ``address``.

        Raises:
            BusError: there is no memory.
        """
        if address + width > self.size:
            raise BusError(f"VRAM write at {address:#x}: the memory ends at {self.size:#x}")
        value &= (1 << width * 8) - 1
        page = self._pages.get(address >> PAGE_SHIFT)
        if page is not None or value:  # a zero leaves an untouched page untouched
            _PACK[width](self._materialised(address >> PAGE_SHIFT), address & _OFFSET_MASK, value)
        if self._listeners:
            self._tell(address, width)

    def words_of(self, frame: int) -> Sequence[int] | None:
        """The 512 words of a page, in memory order; None if it was never touched, and is zero."""
        page = self._pages.get(frame)
        return None if page is None else _little_endian(array("Q", bytes(page)))

    def read_run(self, address: int, count: int) -> "array[int]":
        """``count`` 64-bit words from ``address`` on.

        Raises:
            BusError: there is no memory for all of it.
        """
        data = bytearray()
        for frame, start, end in self._pieces(address, count * _QWORD):
            page = self._pages.get(frame)
            data += bytes(end - start) if page is None else memoryview(page)[start:end]
        return _little_endian(array("Q", bytes(data)))

    def write_run(self, address: int, values: "array[int]") -> None:
        """Store 64-bit words from ``address`` on.

        Raises:
            BusError: there is no memory for all of it; nothing is written.
        """
        data = memoryview(_little_endian(values)).cast("B")
        done = 0
        for frame, start, end in self._pieces(address, len(data)):
            self._materialised(frame)[start:end] = data[done : done + end - start]
            done += end - start
        if self._listeners:
            self._tell(address, len(data))

    def fill(self, address: int, count: int, value: int) -> None:
        """Store ``value`` in ``count`` 64-bit words from ``address`` on; a page that becomes zero costs nothing.

        Raises:
            BusError: there is no memory for all of it; nothing is written.
        """
        length = count * _QWORD
        pattern = (value & U64_MAX).to_bytes(_QWORD, "little")
        for frame, start, end in self._pieces(address, length):
            if value or (frame in self._pages and end - start < PAGE_SIZE):
                self._materialised(frame)[start:end] = pattern * ((end - start) // _QWORD)
            else:
                self._pages.pop(frame, None)
        if self._listeners:
            self._tell(address, length)

    def _materialised(self, frame: int) -> bytearray:
        page = self._pages.get(frame)
        if page is None:
            page = self._pages[frame] = bytearray(PAGE_SIZE)
        return page

    def _pieces(self, address: int, length: int) -> Iterator[tuple[int, int, int]]:
        """(frame, first offset, end offset) of every page that the bytes touch."""
        end = address + length
        if end > self.size:
            raise BusError(f"VRAM run {address:#x} to {end:#x}: the memory ends at {self.size:#x}")
        while address < end:
            frame, start = address >> PAGE_SHIFT, address & _OFFSET_MASK
            length = min(PAGE_SIZE - start, end - address)
            yield frame, start, start + length
            address += length

    def _tell(self, address: int, length: int) -> None:
        for listener in self._listeners:
            listener.vram_written(address, length)


def _little_endian(words: "array[int]") -> "array[int]":
    """``words`` in memory order: an array is in the order of the host."""
    if sys.byteorder == "big":
        words = words[:]
        words.byteswap()
    return words
