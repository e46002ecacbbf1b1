import pytest

from nova_async.errors import EINVAL, InternalError
from nova_async.hw import registers
from nova_async.hw.registers import PBUS_WINDOW, XAL_WINDOW_38, XAL_WINDOW_39, Field, WindowRegister, WindowTarget

OFFSETS = [
    ("1", "PRAMIN_BASE", 0x700000),
    ("1", "PRAMIN_SIZE", 0x100000),
    ("1", "BAR0_SIZE", 0x1000000),
    ("1", "PBUS_BAR1_BLOCK", 0x1704),
    ("1", "PBUS_BAR2_BLOCK", 0x1714),
    ("1", "LOCAL_MEMORY_RANGE", 0x100CE0),
    ("1", "USABLE_FB_MIB", 0x1183A4),
    ("3", "INVALIDATE_PDB", 0xB830A0),
    ("3", "INVALIDATE_UPPER_PDB", 0xB830A4),
    ("3", "INVALIDATE", 0xB830B0),
    ("6", "PMC_BOOT_42", 0xA00),
]

BITS = [
    ("1", "BLOCK_PTR", 27, 0),
    ("1", "BLOCK_TARGET", 29, 28),
    ("1", "BLOCK_MODE_VIRTUAL", 31, 31),
    ("1", "RANGE_SCALE", 3, 0),
    ("1", "RANGE_MAG", 9, 4),
    ("1", "RANGE_ECC", 30, 30),
    ("3", "PDB_SYSTEM", 1, 1),
    ("3", "PDB_LO", 31, 4),
    ("3", "PDB_HI", 19, 0),
    ("3", "INVALIDATE_ALL_VA", 0, 0),
    ("3", "INVALIDATE_ALL_PDB", 1, 1),
    ("3", "INVALIDATE_HUB_ONLY", 2, 2),
    ("3", "INVALIDATE_REPLAY", 5, 3),
    ("3", "INVALIDATE_SYS_MEMBAR", 6, 6),
    ("3", "INVALIDATE_ACK", 8, 7),
    ("3", "INVALIDATE_CANCEL_CLIENT_ID", 14, 9),
    ("3", "INVALIDATE_CANCEL_GPC_ID", 19, 15),
    ("3", "INVALIDATE_SCOPE", 16, 15),
    ("3", "INVALIDATE_CANCEL_CLIENT_TYPE", 20, 20),
    ("3", "INVALIDATE_USE_PASID", 21, 21),
    ("3", "INVALIDATE_USE_SIZE", 22, 22),
    ("3", "INVALIDATE_PROP_FLUSH", 23, 23),
    ("3", "INVALIDATE_CACHE_LEVEL", 26, 24),
    ("3", "INVALIDATE_SKIPPED", 30, 30),
    ("3", "INVALIDATE_TRIGGER", 31, 31),
    ("6", "BOOT_42_ARCHITECTURE", 29, 24),
    ("6", "BOOT_42_IMPLEMENTATION", 23, 20),
]


@pytest.mark.parametrize(("section", "name", "offset"), OFFSETS, ids=[f"{row[0]}-{row[1]}" for row in OFFSETS])
def test_an_offset_is_what_the_manual_says(section: str, name: str, offset: int) -> None:
    assert getattr(registers, name) == offset


@pytest.mark.parametrize(("section", "name", "hi", "lo"), BITS, ids=[f"{row[0]}-{row[1]}" for row in BITS])
def test_a_field_lies_where_the_manual_says(section: str, name: str, hi: int, lo: int) -> None:
    field = getattr(registers, name)
    assert (field.hi, field.lo) == (hi, lo)


@pytest.mark.parametrize(
    ("window", "offset", "base_hi", "reach"),
    [
        pytest.param(PBUS_WINDOW, 0x1700, 23, 2**40, id="1-PBUS"),
        pytest.param(XAL_WINDOW_38, 0x10FD40, 21, 2**38, id="1-XAL-gh100"),
        pytest.param(XAL_WINDOW_39, 0x10FD40, 22, 2**39, id="1-XAL-gb"),
    ],
)
def test_a_window_register_reaches_what_its_base_field_can_name(
    window: WindowRegister, offset: int, base_hi: int, reach: int
) -> None:
    assert (window.offset, window.base.lo, window.base.hi, window.reach) == (offset, 0, base_hi, reach)


def test_only_the_pbus_window_has_a_target() -> None:
    assert PBUS_WINDOW.target is not None
    assert (PBUS_WINDOW.target.hi, PBUS_WINDOW.target.lo) == (25, 24)
    assert XAL_WINDOW_38.target is XAL_WINDOW_39.target is None


def test_window_targets_are_numbered_as_rm_does_and_not_as_the_january_comment() -> None:
    assert [(target.name, target.value) for target in WindowTarget] == [
        ("VIDEO", 0),
        ("COHERENT", 2),
        ("NONCOHERENT", 3),
    ]


def test_a_field_reads_back_what_was_put_and_leaves_other_bits() -> None:
    field = Field(4, 9)
    assert field.put(0x2A, 0xFFFF) == 0xFEAF
    assert field.get(0xFEAF) == 0x2A


@pytest.mark.parametrize("base", [1 << 22, -1])
def test_a_base_wider_than_the_register_is_refused(base: int) -> None:
    with pytest.raises(EINVAL, match="window base"):
        XAL_WINDOW_38.base.put(base)


def test_the_widest_base_fits() -> None:
    assert XAL_WINDOW_38.base.put((1 << 22) - 1) == 0x3FFFFF


def test_a_field_written_highest_bit_first_is_refused() -> None:
    with pytest.raises(InternalError, match="lowest first"):
        Field(9, 4)
