"""The 32-bit registers behind BAR0."""

from typing import Protocol

from nova_async.hw import bus


class Register(Protocol):
    """One 32-bit register."""

    def read(self) -> int:
        """What the host sees."""
        ...

    def write(self, value: int) -> None:
        """What a write of the host does."""
        ...


class ReadOnly:
    """Always the same; a write is dropped."""

    __slots__ = ("_value",)

    def __init__(self, value: int) -> None:
        self._value = value

    def read(self) -> int:
        """The constant."""
        return self._value

    def write(self, value: int) -> None:
        """Nothing."""


class Latch:
    """Keeps the bits that it implements; zero at reset.

    Args:
        implemented: the bits that exist; others read 0.

    Attributes:
        value: what it holds.
    """

    __slots__ = ("_implemented", "value")

    def __init__(self, implemented: int) -> None:
        self._implemented = implemented
        self.value = 0

    def read(self) -> int:
        """What was last written."""
        return self.value

    def write(self, value: int) -> None:
        """Keep the bits that exist."""
        self.value = value & self._implemented


class RegisterFile:
    """All registers by their offset in BAR0.

    An offset without a register answers with the decode-error word. Registers answer 32-bit accesses only; others get
    the client-error word (ASSUME).
    """

    def __init__(self) -> None:
        self._registers: dict[int, Register] = {}

    def add(self, offset: int, register: Register) -> None:
        """Put ``register`` at ``offset``."""
        self._registers[offset] = register

    def read(self, offset: int, width: int) -> int:
        """The register at ``offset``, or an error word."""
        register = self._registers.get(offset)
        if register is None:
            return bus.error_value(bus.PRI_DECODE_ERROR, width)
        if width != 4:
            return bus.error_value(bus.PRI_CLIENT_ERROR, width)
        return register.read()

    def write(self, offset: int, width: int, value: int) -> None:
        """Write the register at ``offset``; dropped where none answers."""
        register = self._registers.get(offset)
        if register is not None and width == 4:
            register.write(value & bus.GONE)
