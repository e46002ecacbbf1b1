"""The eight accessors that every BAR has."""

from abc import ABC, abstractmethod


class Accessors(ABC):
    """Reads and writes of 8 to 64 bits at a byte offset, each one transaction.

    Every accessor raises EINVAL for an offset beyond the BAR, or one that is no multiple of its width.
    """

    __slots__ = ()

    def read8(self, offset: int) -> int:
        """Read one byte."""
        return self._read(offset, 1)

    def read16(self, offset: int) -> int:
        """Read 16 bits."""
        return self._read(offset, 2)

    def read32(self, offset: int) -> int:
        """Read 32 bits."""
        return self._read(offset, 4)

    def read64(self, offset: int) -> int:
        """Read 64 bits."""
        return self._read(offset, 8)

    def write8(self, offset: int, value: int) -> None:
        """Write one byte."""
        self._write(offset, 1, value)

    def write16(self, offset: int, value: int) -> None:
        """Write 16 bits."""
        self._write(offset, 2, value)

    def write32(self, offset: int, value: int) -> None:
        """Write 32 bits."""
        self._write(offset, 4, value)

    def write64(self, offset: int, value: int) -> None:
        """Write 64 bits."""
        self._write(offset, 8, value)

    @abstractmethod
    def _read(self, offset: int, width: int) -> int:
        """Read ``width`` bytes."""

    @abstractmethod
    def _write(self, offset: int, width: int, value: int) -> None:
        """Write ``width`` bytes."""
