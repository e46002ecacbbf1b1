"""Page-table formats V2 and V3 as data: levels, bit positions, apertures (hardware.md 2.2 to 2.4).

The bits are those of the RM headers and the manuals. Nothing here is shared with the driver's encoder.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from nova_async.hw.chipset import Architecture, Chipset, MmuVersion
from nova_async.hw.registers import Field

_QWORD_BITS = 64


class Aperture(IntEnum):
    """Which memory an entry points to; the values are the codes of a PTE."""

    VIDEO = 0
    PEER = 1
    COHERENT = 2
    NONCOHERENT = 3


PTE_APERTURES = (Aperture.VIDEO, Aperture.PEER, Aperture.COHERENT, Aperture.NONCOHERENT)
PDE_APERTURES = (None, Aperture.VIDEO, Aperture.COHERENT, Aperture.NONCOHERENT)
"""A PDE numbers them otherwise: 0 is no table at all."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A field that means something when it holds one value."""

    field: Field
    value: int

    def matches(self, word: int) -> bool:
        """Whether ``word`` has the value in the field."""
        return self.field.get(word) == self.value


@dataclass(frozen=True, slots=True)
class Address:
    """An address stored without its low bits.

    Attributes:
        video: the field where the aperture is video memory or a peer.
        system: the field where it is system memory.
        shift: how many low bits are left out.
    """

    video: Field
    system: Field
    shift: int

    def field_for(self, aperture: Aperture) -> Field:
        """The field that holds the address in this aperture."""
        return self.video if aperture <= Aperture.PEER else self.system


@dataclass(frozen=True, slots=True, eq=False)
class PteFormat:
    """A leaf entry of 64 bits. The flags hold for a valid entry, the patterns for an invalid one.

    Attributes:
        no_small: in a big PTE: the small table below has no valid entry, do not look.
        address_by_code: the field of the address for each value of the aperture field.
    """

    valid: Field
    aperture: Field
    address: Address
    peer: Field
    uncached: Field
    privileged: Field
    read_only: Field
    atomic_disable: Field
    kind: Field
    sparse: Pattern
    no_small: Pattern
    address_by_code: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        fields = tuple(self.address.field_for(aperture) for aperture in PTE_APERTURES)
        object.__setattr__(self, "address_by_code", fields)


@dataclass(frozen=True, slots=True)
class PdeFormat:
    """A pointer to a table: a directory entry, or one half of a dual entry."""

    aperture: Field
    address: Address
    uncached: Field
    sparse: Pattern
    """Holds where the aperture says that there is no table."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of tables.

    Attributes:
        name: NVIDIA's.
        lo: the lowest bit of the virtual address that indexes it.
        hi: the highest.
        entry_bytes: the size of one entry.
        leaf: whether an entry can map memory itself.
    """

    name: str
    lo: int
    hi: int
    entry_bytes: int = 8
    leaf: bool = False

    @property
    def entries(self) -> int:
        """How many entries a table of this level has."""
        return 1 << self.hi - self.lo + 1

    @property
    def covers(self) -> int:
        """The bytes of address space behind one entry."""
        return 1 << self.lo

    @property
    def table_bytes(self) -> int:
        """The bytes of a table that are used."""
        return self.entries * self.entry_bytes

    def slot(self, table: int, va: int) -> int:
        """The address of the entry for ``va`` in the table at ``table``."""
        return table + (va >> self.lo & self.entries - 1) * self.entry_bytes


@dataclass(frozen=True, slots=True)
class MmuFormat:
    """One page-table format, complete.

    Attributes:
        version: which.
        va_bits: the width of a virtual address.
        directories: the levels above the dual one, the root first.
        dual: the level whose entries are 128 bits: a big and a small half, or one 2 MiB leaf.
        small: the table of 4 KiB pages.
        big: the table of 64 KiB pages.
        is_pte: the bit of a directory or dual entry that makes it a leaf.
        pte: the layout of a leaf.
        pde: the layout of a directory entry.
        dual_big: the big half, in the 128-bit word.
        dual_small: the small half, in the 128-bit word.
    """

    version: MmuVersion
    va_bits: int
    directories: tuple[Level, ...]
    dual: Level
    small: Level
    big: Level
    is_pte: Field
    pte: PteFormat
    pde: PdeFormat
    dual_big: PdeFormat
    dual_small: PdeFormat

    @property
    def dual_index(self) -> int:
        """The number of the dual level, counting from the root as 0."""
        return len(self.directories)

    @property
    def page_shifts(self) -> tuple[int, ...]:
        """The sizes of leaves as powers of two, the most common first."""
        huge = [level.lo for level in (*self.directories, self.dual) if level.leaf]
        return (self.small.lo, self.big.lo, *sorted(huge))


# The two tables that V2 and V3 share, and the 2 MiB level, which is a leaf everywhere (hardware.md 2.2).
_PT_SMALL = Level("PT", 12, 20, leaf=True)
_PT_BIG = Level("PT big", 16, 20, leaf=True)
_PD0 = Level("PD0", 21, 28, entry_bytes=16, leaf=True)
_IS_PTE = Field(0, 0, "is PTE")

_V2_PTE = PteFormat(
    valid=Field(0, 0, "valid"),
    aperture=Field(1, 2, "aperture"),
    address=Address(Field(8, 32, "address vid"), Field(8, 53, "address sys"), shift=12),
    peer=Field(33, 35, "peer"),
    uncached=Field(3, 3, "vol"),
    privileged=Field(5, 5, "privilege"),
    read_only=Field(6, 6, "read only"),
    atomic_disable=Field(7, 7, "atomic disable"),
    kind=Field(56, 63, "kind"),
    sparse=Pattern(Field(3, 3, "vol"), 1),
    no_small=Pattern(Field(5, 5, "privilege"), 1),
)

V2 = MmuFormat(
    version=MmuVersion.V2,
    va_bits=49,
    directories=(Level("PD3", 47, 48), Level("PD2", 38, 46), Level("PD1", 29, 37)),
    dual=_PD0,
    small=_PT_SMALL,
    big=_PT_BIG,
    is_pte=_IS_PTE,
    pte=_V2_PTE,
    pde=PdeFormat(
        aperture=Field(1, 2, "aperture"),
        address=Address(Field(8, 32, "address vid"), Field(8, 53, "address sys"), shift=12),
        uncached=Field(3, 3, "vol"),
        sparse=Pattern(Field(3, 3, "vol"), 1),
    ),
    dual_big=PdeFormat(
        aperture=Field(1, 2, "aperture big"),
        address=Address(Field(4, 32, "address big vid"), Field(4, 53, "address big sys"), shift=8),
        uncached=Field(3, 3, "vol big"),
        sparse=Pattern(Field(3, 3, "vol big"), 1),
    ),
    dual_small=PdeFormat(
        aperture=Field(65, 66, "aperture small"),
        address=Address(Field(72, 96, "address small vid"), Field(72, 117, "address small sys"), shift=12),
        uncached=Field(67, 67, "vol small"),
        sparse=Pattern(Field(67, 67, "vol small"), 1),
    ),
)
"""Turing and GA100."""

V2_GA10X = replace(V2, directories=(*V2.directories[:2], Level("PD1", 29, 37, leaf=True)))
"""GA10x and Ada: 512 MiB leaves in PD1."""


def _v3_address(lo: int, shift: int, base: int = 0) -> Address:
    """V3 has one address field for all apertures; it ends at bit 51 of its 64-bit half."""
    where = Field(base + lo, base + 51, "address")
    return Address(where, where, shift)


# A V3 entry has a permission code (PCF). In a valid PTE it is a set of bits, in an invalid one a number.
_V3_PTE = PteFormat(
    valid=Field(0, 0, "valid"),
    aperture=Field(1, 2, "aperture"),
    address=_v3_address(12, shift=12),
    peer=Field(61, 63, "peer"),
    uncached=Field(3, 3, "PCF uncached"),
    privileged=Field(4, 4, "PCF privileged"),
    read_only=Field(5, 5, "PCF read only"),
    atomic_disable=Field(6, 6, "PCF no atomic"),
    kind=Field(8, 11, "kind"),
    sparse=Pattern(Field(3, 7, "PCF"), 1),
    no_small=Pattern(Field(3, 7, "PCF"), 3),
)

V3 = MmuFormat(
    version=MmuVersion.V3,
    va_bits=57,
    directories=(
        Level("PD4", 56, 56),
        Level("PD3", 47, 55),
        Level("PD2", 38, 46),
        Level("PD1", 29, 37, leaf=True),
    ),
    dual=_PD0,
    small=_PT_SMALL,
    big=_PT_BIG,
    is_pte=_IS_PTE,
    pte=_V3_PTE,
    pde=PdeFormat(
        aperture=Field(1, 2, "aperture"),
        address=_v3_address(12, shift=12),
        uncached=Field(3, 3, "PCF uncached"),
        sparse=Pattern(Field(3, 3, "PCF sparse"), 1),
    ),
    dual_big=PdeFormat(
        aperture=Field(1, 2, "aperture big"),
        address=_v3_address(8, shift=8),
        uncached=Field(3, 3, "PCF big uncached"),
        sparse=Pattern(Field(3, 3, "PCF big sparse"), 1),
    ),
    dual_small=PdeFormat(
        aperture=Field(65, 66, "aperture small"),
        address=_v3_address(12, shift=12, base=_QWORD_BITS),
        uncached=Field(67, 67, "PCF small uncached"),
        sparse=Pattern(Field(67, 67, "PCF small sparse"), 1),
    ),
)
"""Hopper and GB20x."""

V3_GB10X = replace(V3, directories=(*V3.directories[:2], Level("PD2", 38, 46, leaf=True), V3.directories[3]))
"""GB10x: 256 GiB leaves in PD2."""

_RICHEST = {MmuVersion.V2: V2_GA10X, MmuVersion.V3: V3_GB10X}


def format_of(version: MmuVersion | MmuFormat) -> MmuFormat:
    """The format meant: itself, or for a bare version the one of its latest chips, with every leaf size."""
    return version if isinstance(version, MmuFormat) else _RICHEST[version]


def format_for(chipset: Chipset) -> MmuFormat:
    """The exact format of one chip: which leaf sizes exist depends on it (hardware.md 2.2)."""
    if chipset.mmu_version is MmuVersion.V3:
        return V3_GB10X if chipset.architecture is Architecture.BLACKWELL_GB10X else V3
    is_old = chipset.architecture is Architecture.TURING or chipset.name == "GA100"
    return V2 if is_old else V2_GA10X
