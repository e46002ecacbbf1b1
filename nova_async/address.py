"""Addresses and frame numbers, and the checked ways from one to the other.

A frame is 4 KiB in every format that nova uses (hardware.md 4.1): bits 11:0 of an address are the offset,
63:12 the frame number. The types are ``int`` at run time and apart for the type checker, so that a virtual frame
is never handed to something that wants a physical one.
"""

from typing import ClassVar, Self

from nova_async.errors import EINVAL, EOVERFLOW

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
U64_MAX = (1 << 64) - 1

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


class Unsigned(int):
    """A non-negative integer of ``bits`` bits.

    Raises:
        EOVERFLOW: the value does not fit.
    """

    bits: ClassVar[int] = 64

    def __new__(cls, value: int) -> Self:
        """Refuse what does not fit."""
        if not 0 <= value < 1 << cls.bits:
            raise EOVERFLOW(f"{cls.__name__} {value:#x}", expected=f"0 to {(1 << cls.bits) - 1:#x}")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self):#x})"

    __str__ = __repr__


class VramAddress(Unsigned):
    """A byte address in video memory."""

    def frame(self) -> "Pfn":
        """The frame this address lies in."""
        return Pfn(self >> PAGE_SHIFT)


class VirtualAddress(Unsigned):
    """A byte address in a GPU address space."""

    def frame(self) -> "Vfn":
        """The virtual frame this address lies in."""
        return Vfn(self >> PAGE_SHIFT)


class Pfn(Unsigned):
    """A physical frame number in video memory."""

    bits = 64 - PAGE_SHIFT

    def address(self) -> VramAddress:
        """The first byte of the frame."""
        return VramAddress(self << PAGE_SHIFT)


class Vfn(Unsigned):
    """A virtual frame number."""

    bits = 64 - PAGE_SHIFT

    def address(self) -> VirtualAddress:
        """The first byte of the virtual frame."""
        return VirtualAddress(self << PAGE_SHIFT)


def align_down(value: int, alignment: int) -> int:
    """Round down to a multiple of a power of two."""
    return value & ~(alignment - 1)


def page_count(size: int) -> int:
    """How many 4 KiB pages ``size`` bytes are.

    Raises:
        EINVAL: the size is no whole number of pages.
    """
    if size % PAGE_SIZE:
        raise EINVAL(f"size {size:#x}", expected="a multiple of 4 KiB")
    return size >> PAGE_SHIFT
