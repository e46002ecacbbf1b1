import pytest

from nova_async.hw.chipset import CHIPSETS, Chipset, MmuVersion
from nova_async.hw.mmu.formats import (
    PDE_APERTURES,
    PTE_APERTURES,
    V2,
    V2_GA10X,
    V3,
    V3_GB10X,
    Aperture,
    Level,
    MmuFormat,
    format_for,
    format_of,
)
from nova_async.hw.registers import Field

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

# hardware.md 2.2: name, VA bits, entries, entry bytes, one entry covers
V2_LEVELS = [
    ("PD3", 48, 47, 4, 8, 128 * TIB),
    ("PD2", 46, 38, 512, 8, 256 * GIB),
    ("PD1", 37, 29, 512, 8, 512 * MIB),
    ("PD0", 28, 21, 256, 16, 2 * MIB),
    ("PT", 20, 12, 512, 8, 4 * KIB),
    ("PT big", 20, 16, 32, 8, 64 * KIB),
]
V3_LEVELS = [
    ("PD4", 56, 56, 2, 8, 1 << 56),
    ("PD3", 55, 47, 512, 8, 128 * TIB),
    *V2_LEVELS[1:],
]


def levels_of(layout: MmuFormat) -> list[Level]:
    return [*layout.directories, layout.dual, layout.small, layout.big]


@pytest.mark.parametrize(
    ("layout", "index", "row"),
    [pytest.param(V2, i, row, id=f"2.2-V2-{row[0]}") for i, row in enumerate(V2_LEVELS)]
    + [pytest.param(V3, i, row, id=f"2.2-V3-{row[0]}") for i, row in enumerate(V3_LEVELS)],
)
def test_a_level_is_what_the_table_says(
    layout: MmuFormat, index: int, row: tuple[str, int, int, int, int, int]
) -> None:
    level = levels_of(layout)[index]
    assert (level.name, level.hi, level.lo, level.entries, level.entry_bytes, level.covers) == row


@pytest.mark.parametrize(("layout", "bits"), [(V2, 49), (V3, 57)], ids=["2.2-V2", "2.2-V3"])
def test_levels_cover_the_virtual_address_without_a_gap(layout: MmuFormat, bits: int) -> None:
    chain = [*layout.directories, layout.dual, layout.small]
    assert chain[0].hi == layout.va_bits - 1 == bits - 1
    assert [upper.lo - 1 for upper in chain[:-1]] == [lower.hi for lower in chain[1:]]


def test_a_big_table_is_256_bytes_and_the_others_fill_a_page_at_most() -> None:
    assert V2.big.table_bytes == 256
    assert {level.table_bytes for level in levels_of(V3)} == {16, 256, 4096}


@pytest.mark.parametrize(
    ("chips", "sizes"),
    [
        pytest.param(["TU102", "TU116", "GA100"], [4 * KIB, 64 * KIB, 2 * MIB], id="2.2-V2"),
        pytest.param(["GA102", "GA107", "AD102"], [4 * KIB, 64 * KIB, 2 * MIB, 512 * MIB], id="2.2-V2-GA10x"),
        pytest.param(["GH100", "GB202", "GB207"], [4 * KIB, 64 * KIB, 2 * MIB, 512 * MIB], id="2.2-V3"),
        pytest.param(["GB100", "GB102"], [4 * KIB, 64 * KIB, 2 * MIB, 512 * MIB, 256 * GIB], id="2.2-V3-gb10x"),
    ],
)
def test_a_chip_has_these_page_sizes(chips: list[str], sizes: list[int]) -> None:
    for chip in chips:
        assert [1 << shift for shift in format_for(CHIPSETS[chip]).page_shifts] == sizes


@pytest.mark.parametrize("chip", list(CHIPSETS.values()), ids=list(CHIPSETS))
def test_the_format_of_a_chip_has_its_version(chip: Chipset) -> None:
    assert format_for(chip).version is chip.mmu_version


def test_a_bare_version_means_its_latest_chips() -> None:
    assert format_of(MmuVersion.V2) is V2_GA10X
    assert format_of(MmuVersion.V3) is V3_GB10X
    assert format_of(V2) is V2


def test_pte_and_pde_number_the_apertures_differently() -> None:
    assert PTE_APERTURES == (Aperture.VIDEO, Aperture.PEER, Aperture.COHERENT, Aperture.NONCOHERENT)
    assert PDE_APERTURES == (None, Aperture.VIDEO, Aperture.COHERENT, Aperture.NONCOHERENT)


# hardware.md 2.3 and 2.4: path to the field, highest bit, lowest bit
BITS = [
    ("2.3", V2.is_pte, 0, 0),
    ("2.3", V2.pte.valid, 0, 0),
    ("2.3", V2.pte.aperture, 2, 1),
    ("2.3", V2.pte.uncached, 3, 3),
    ("2.3", V2.pte.privileged, 5, 5),
    ("2.3", V2.pte.read_only, 6, 6),
    ("2.3", V2.pte.atomic_disable, 7, 7),
    ("2.3", V2.pte.address.video, 32, 8),
    ("2.3", V2.pte.address.system, 53, 8),
    ("2.3", V2.pte.peer, 35, 33),
    ("2.3", V2.pte.kind, 63, 56),
    ("2.3", V2.pde.aperture, 2, 1),
    ("2.3", V2.pde.uncached, 3, 3),
    ("2.3", V2.pde.address.video, 32, 8),
    ("2.3", V2.pde.address.system, 53, 8),
    ("2.3", V2.dual_big.aperture, 2, 1),
    ("2.3", V2.dual_big.uncached, 3, 3),
    ("2.3", V2.dual_big.address.video, 32, 4),
    ("2.3", V2.dual_big.address.system, 53, 4),
    ("2.3", V2.dual_small.aperture, 66, 65),
    ("2.3", V2.dual_small.uncached, 67, 67),
    ("2.3", V2.dual_small.address.video, 96, 72),
    ("2.3", V2.dual_small.address.system, 117, 72),
    ("2.4", V3.is_pte, 0, 0),
    ("2.4", V3.pte.valid, 0, 0),
    ("2.4", V3.pte.aperture, 2, 1),
    ("2.4", V3.pte.uncached, 3, 3),
    ("2.4", V3.pte.privileged, 4, 4),
    ("2.4", V3.pte.read_only, 5, 5),
    ("2.4", V3.pte.atomic_disable, 6, 6),
    ("2.4", V3.pte.kind, 11, 8),
    ("2.4", V3.pte.address.video, 51, 12),
    ("2.4", V3.pte.peer, 63, 61),
    ("2.4", V3.pde.aperture, 2, 1),
    ("2.4", V3.pde.uncached, 3, 3),
    ("2.4", V3.pde.address.video, 51, 12),
    ("2.4", V3.dual_big.aperture, 2, 1),
    ("2.4", V3.dual_big.address.video, 51, 8),
    ("2.4", V3.dual_small.aperture, 66, 65),
    ("2.4", V3.dual_small.uncached, 67, 67),
    ("2.4", V3.dual_small.address.video, 115, 76),
]


@pytest.mark.parametrize(
    ("section", "field", "hi", "lo"), BITS, ids=[f"{row[0]}-{row[2]}:{row[3]}-{row[1].name}" for row in BITS]
)
def test_a_field_lies_where_the_manual_says(section: str, field: Field, hi: int, lo: int) -> None:
    assert (field.hi, field.lo) == (hi, lo)


def test_addresses_leave_out_the_bits_the_manual_says() -> None:
    for layout in (V2, V3):
        assert (layout.pte.address.shift, layout.pde.address.shift, layout.dual_small.address.shift) == (12, 12, 12)
        assert layout.dual_big.address.shift == 8
