import pytest

from nova_async.address import GIB, MIB
from nova_async.errors import ENODEV, UsageError
from nova_async.hw.chipset import CHIPSETS, Architecture, Chipset, MmuVersion

# hardware.md 6: (chip, id, MMU, window register, window address bits)
TABLE = [
    ("TU102", 0x162, 2, 0x1700, 40),
    ("TU104", 0x164, 2, 0x1700, 40),
    ("TU106", 0x166, 2, 0x1700, 40),
    ("TU117", 0x167, 2, 0x1700, 40),
    ("TU116", 0x168, 2, 0x1700, 40),
    ("GA100", 0x170, 2, 0x1700, 40),
    ("GA102", 0x172, 2, 0x1700, 40),
    ("GA103", 0x173, 2, 0x1700, 40),
    ("GA104", 0x174, 2, 0x1700, 40),
    ("GA106", 0x176, 2, 0x1700, 40),
    ("GA107", 0x177, 2, 0x1700, 40),
    ("GH100", 0x180, 3, 0x10FD40, 38),
    ("AD102", 0x192, 2, 0x1700, 40),
    ("AD103", 0x193, 2, 0x1700, 40),
    ("AD104", 0x194, 2, 0x1700, 40),
    ("AD106", 0x196, 2, 0x1700, 40),
    ("AD107", 0x197, 2, 0x1700, 40),
    ("GB100", 0x1A0, 3, 0x10FD40, 39),
    ("GB102", 0x1A2, 3, 0x10FD40, 39),
    ("GB202", 0x1B2, 3, 0x10FD40, 39),
    ("GB203", 0x1B3, 3, 0x10FD40, 39),
    ("GB205", 0x1B5, 3, 0x10FD40, 39),
    ("GB206", 0x1B6, 3, 0x10FD40, 39),
    ("GB207", 0x1B7, 3, 0x10FD40, 39),
]


@pytest.mark.parametrize(("name", "chip_id", "mmu", "offset", "bits"), TABLE, ids=[f"6-{row[0]}-2.1" for row in TABLE])
def test_a_chip_is_what_the_table_says(name: str, chip_id: int, mmu: int, offset: int, bits: int) -> None:
    chip = CHIPSETS[name]
    assert (chip.name, chip.id) == (name, chip_id)
    assert chip.mmu_version is MmuVersion(mmu)
    assert (chip.window.offset, chip.window.address_bits) == (offset, bits)
    assert chip.architecture is Architecture(chip_id >> 4)


def test_there_is_no_other_chip() -> None:
    assert list(CHIPSETS) == [row[0] for row in TABLE]


@pytest.mark.parametrize(("name", "chip_id"), [row[:2] for row in TABLE])
def test_boot_42_names_the_chip(name: str, chip_id: int) -> None:
    word = (chip_id >> 4) << 24 | (chip_id & 0xF) << 20
    assert CHIPSETS[name].boot42 == word
    assert Chipset.from_boot42(word | 0xA1) is CHIPSETS[name]  # the low bits are the revision


@pytest.mark.parametrize("word", [0xFFFFFFFF, 0, 0x16300000, 0xBADF1100])
def test_an_unknown_boot_42_is_no_device(word: int) -> None:
    with pytest.raises(ENODEV, match=f"{word:#010x}"):
        Chipset.from_boot42(word)


def test_a_chip_is_found_in_any_case() -> None:
    assert Chipset.named("ga102") is Chipset.named("GA102") is CHIPSETS["GA102"]


def test_an_unknown_chip_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="GA102"):
        Chipset.named("GA1O2")


@pytest.mark.parametrize("chip", list(CHIPSETS.values()), ids=list(CHIPSETS))
def test_a_usual_board_fits_its_window_and_has_a_power_of_two_bar1(chip: Chipset) -> None:
    assert chip.vram <= chip.window.reach
    assert chip.bar1 >= 256 * MIB
    assert chip.bar1 & chip.bar1 - 1 == 0


@pytest.mark.parametrize(
    ("names", "least", "most"),
    [
        (["TU102", "TU104", "TU106", "TU116", "TU117"], 4, 24),
        (["GA102", "GA103", "GA104", "GA106", "GA107", "AD102", "AD103", "AD104", "AD106", "AD107"], 6, 48),
        (["GA100"], 40, 80),
        (["GH100"], 80, 144),
        (["GB100", "GB102"], 180, 192),
        (["GB202", "GB203", "GB205", "GB206", "GB207"], 8, 96),
    ],
)
def test_a_board_has_the_memory_that_such_boards_have_section_6(names: list[str], least: int, most: int) -> None:
    for name in names:
        chipset = CHIPSETS[name]
        assert least * GIB <= chipset.vram <= most * GIB, name
        assert chipset.bar1 == 256 * MIB or chipset.bar1 >= chipset.vram, name
