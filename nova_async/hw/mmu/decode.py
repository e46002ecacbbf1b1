"""One page-table entry to its meaning, by the tables of :mod:`nova_async.hw.mmu.formats`."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nova_async.hw.mmu.formats import PDE_APERTURES, PTE_APERTURES, Aperture, MmuFormat, PdeFormat, PteFormat

_QWORD_BITS = 64
_QWORD_MASK = (1 << _QWORD_BITS) - 1


@dataclass(frozen=True, slots=True)
class PteFlags:
    """All of a PTE but its address.

    Attributes:
        valid: it maps memory.
        sparse: it does not, and accesses do not fault.
        no_small: a big PTE that is not valid, and neither is any small one below it.
        aperture: which memory.
        peer: which peer, where the aperture is one.
        uncached: not cached in L2.
        privileged: unprivileged accesses fault.
        read_only: writes fault.
        atomic_disable: atomics fault.
        kind: how the memory is laid out; 0 is pitch.
    """

    valid: bool
    sparse: bool
    no_small: bool
    aperture: Aperture
    peer: int
    uncached: bool
    privileged: bool
    read_only: bool
    atomic_disable: bool
    kind: int


class Pte(NamedTuple):
    """A leaf entry: the address it maps to, and the rest."""

    address: int
    flags: PteFlags


@dataclass(frozen=True, slots=True)
class Pde:
    """A pointer to a table.

    Attributes:
        aperture: the memory the table lies in, None if there is no table.
        address: of the table.
        sparse: no table, and accesses do not fault.
        uncached: the table is not cached in L2.
    """

    aperture: Aperture | None
    address: int
    sparse: bool
    uncached: bool

    @property
    def present(self) -> bool:
        """Whether there is a table, in whichever memory."""
        return self.aperture is not None


@dataclass(frozen=True, slots=True)
class DualPde:
    """An entry of PD0 that is no 2 MiB leaf.

    Attributes:
        big: the table of 64 KiB pages.
        small: the table of 4 KiB pages.
        sparse: neither, and accesses do not fault.
    """

    big: Pde
    small: Pde
    sparse: bool


def decode_pte(layout: PteFormat, word: int) -> Pte:
    """The meaning of the 64-bit ``word`` as a leaf."""
    where = layout.address_by_code[layout.aperture.get(word)]
    address = (word & where.mask) >> where.lo << layout.address.shift
    return Pte(address, _pte_flags(layout, word & ~where.mask))


# Pages of a mapping differ in nothing but their address: a census of a million leaves decodes few sets of flags.
@lru_cache(maxsize=1024)
def _pte_flags(layout: PteFormat, word: int) -> PteFlags:
    valid = bool(layout.valid.get(word))
    aperture = PTE_APERTURES[layout.aperture.get(word)]
    return PteFlags(
        valid=valid,
        sparse=not valid and layout.sparse.matches(word),
        no_small=not valid and layout.no_small.matches(word),
        aperture=aperture,
        peer=layout.peer.get(word) if aperture is Aperture.PEER else 0,
        uncached=valid and bool(layout.uncached.get(word)),
        privileged=valid and bool(layout.privileged.get(word)),
        read_only=valid and bool(layout.read_only.get(word)),
        atomic_disable=valid and bool(layout.atomic_disable.get(word)),
        kind=layout.kind.get(word),
    )


def decode_pde(layout: PdeFormat, word: int) -> Pde:
    """The meaning of ``word`` as a pointer to a table; ``word`` is 128 bits wide for a half of a dual entry.

    Whether the entry is a leaf instead is the caller's to ask (``MmuFormat.is_pte``).
    """
    aperture = PDE_APERTURES[layout.aperture.get(word)]
    if aperture is None:
        return Pde(None, 0, sparse=layout.sparse.matches(word), uncached=False)
    address = layout.address.field_for(aperture).get(word) << layout.address.shift
    return Pde(aperture, address, sparse=False, uncached=bool(layout.uncached.get(word)))


def decode_dual(layout: MmuFormat, low: int, high: int) -> DualPde:
    """The meaning of the two words of a dual entry as two pointers."""
    word = high << _QWORD_BITS | low & _QWORD_MASK
    big = decode_pde(layout.dual_big, word)
    small = decode_pde(layout.dual_small, word)
    # The sparse bit is the big half's, and counts only where there is no table at all (hardware.md 2.3).
    return DualPde(big, small, sparse=big.sparse and not small.present)
