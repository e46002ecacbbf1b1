"""What the bus does with accesses that nobody answers, and what it counts.

The hardware has no way to refuse a read: it returns a word whose top 24 bits say what went wrong (hardware.md 1).
A bad write vanishes (ASSUME).
"""

from dataclasses import astuple, dataclass
from typing import Self

from nova_async.errors import EINVAL, NovaError

# Error words; the low byte is unknown to us and 0 here, except where the whole word is documented (hardware.md 1).
HOST_FECS_ERROR = 0xBAD00F00
HOST_PRI_TIMEOUT = 0xBAD00100
FB_ACK_TIMEOUT = 0xBAD0B000
FECS_PRI_TIMEOUT = 0xBADF1000
PRI_DECODE_ERROR = 0xBADF1100
PRI_RESET = 0xBADF1200
PRI_FLOORSWEPT = 0xBADF1300
PRI_ORPHAN = 0xBADF2000
PRI_DEAD_RING = 0xBADF3000
PRI_TARGET_LOCKED = 0xBADF4100
PRI_CLIENT_ERROR = 0xBADF5000
XAL_DUMMY = 0xBADF0200
"""Hopper and Blackwell."""
FB_ABSENT = 0xBAD0FB00
"""PRAMIN over memory that is untrained or not there; reported by third parties only."""
GONE = 0xFFFFFFFF
"""A device that fell off the bus."""

_ERROR_WORDS = (
    HOST_FECS_ERROR,
    HOST_PRI_TIMEOUT,
    FB_ACK_TIMEOUT,
    FECS_PRI_TIMEOUT,
    PRI_DECODE_ERROR,
    PRI_RESET,
    PRI_FLOORSWEPT,
    PRI_ORPHAN,
    PRI_DEAD_RING,
    PRI_TARGET_LOCKED,
    PRI_CLIENT_ERROR,
    XAL_DUMMY,
    FB_ABSENT,
    GONE,
)
_CODES = frozenset(word >> 8 for word in _ERROR_WORDS[:-1])


class BusError(NovaError):
    """An access reached no memory. Never leaves ``hw``: a BAR turns it into an error word."""


def error_value(word: int, width: int) -> int:
    """What a read of ``width`` bytes returns where a 32-bit read returns the error ``word``.

    ASSUME: both halves of a 64-bit read fail alike, and a narrow read sees the low bytes.
    """
    return word << 32 | word if width == 8 else word & (1 << width * 8) - 1


def is_error_pattern(value: int, width: int) -> bool:
    """Whether ``value``, read with ``width`` bytes, is what the bus returns for a failed read.

    Needs the top 24 bits of a word: reads of one or two bytes cannot be told. A 64-bit value counts when both halves
    do. Memory may hold such a value by itself, so a driver can suspect, not know.
    """
    if width < 4:
        return False
    halves = (value & GONE, value >> 32) if width == 8 else (value,)
    return all(half == GONE or half >> 8 in _CODES for half in halves)


def check_access(bar: str, offset: int, width: int, size: int) -> None:
    """What the kernel's generic IO layer refuses before the bus is touched (hardware.md 1).

    Args:
        bar: what messages call it.
        offset: of the access in the BAR.
        width: in bytes; a run passes its whole length where only the bounds matter.
        size: of the BAR, in bytes.

    Raises:
        EINVAL: the offset is no multiple of the width, or the access leaves the BAR.
    """
    if offset % width:
        raise EINVAL(f"{bar}: offset {offset:#x} for a {width * 8}-bit access", expected=f"a multiple of {width}")
    if not 0 <= offset <= size - width:
        raise EINVAL(f"{bar}: offset {offset:#x} for a {width * 8}-bit access", expected=f"below {size:#x}")


class Link:
    """The connection between the host and the device.

    Attributes:
        alive: False once the device is gone.
    """

    __slots__ = ("alive",)

    def __init__(self) -> None:
        self.alive = True


@dataclass(slots=True)
class Traffic:
    """How many transactions went over the bus.

    Attributes:
        reads: through BAR0, every width and element of a run alike.
        writes: through BAR0, likewise; includes the two below.
        window_writes: to the register that places the PRAMIN window.
        flushes: TLB invalidates triggered.
        bar1_reads: through BAR1.
        bar1_writes: through BAR1.
    """

    reads: int = 0
    writes: int = 0
    window_writes: int = 0
    flushes: int = 0
    bar1_reads: int = 0
    bar1_writes: int = 0

    @property
    def transactions(self) -> int:
        """All reads and writes, of both BARs."""
        return self.reads + self.writes + self.bar1_reads + self.bar1_writes

    def snapshot(self) -> Self:
        """The counts as they are now."""
        return type(self)(*astuple(self))

    def __sub__(self, earlier: "Traffic") -> "Traffic":
        return Traffic(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(earlier), strict=True)))
