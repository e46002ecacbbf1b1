import pytest

from nova_async.errors import EINVAL
from nova_async.hw import bus
from nova_async.hw.bus import Traffic, check_access, error_value, is_error_pattern

# hardware.md 1: the top 24 bits of a failed read
CODES = {
    "HOST_FECS_ERROR": 0xBAD00F,
    "HOST_PRI_TIMEOUT": 0xBAD001,
    "FB_ACK_TIMEOUT": 0xBAD0B0,
    "FECS_PRI_TIMEOUT": 0xBADF10,
    "PRI_DECODE_ERROR": 0xBADF11,
    "PRI_RESET": 0xBADF12,
    "PRI_FLOORSWEPT": 0xBADF13,
    "PRI_ORPHAN": 0xBADF20,
    "PRI_DEAD_RING": 0xBADF30,
    "PRI_TARGET_LOCKED": 0xBADF41,
    "PRI_CLIENT_ERROR": 0xBADF50,
    "XAL_DUMMY": 0xBADF02,
    "FB_ABSENT": 0xBAD0FB,
}


@pytest.mark.parametrize(("name", "code"), list(CODES.items()), ids=[f"1-{name}" for name in CODES])
def test_an_error_word_has_its_documented_top_bits(name: str, code: int) -> None:
    word = getattr(bus, name)
    assert word >> 8 == code
    assert is_error_pattern(word | 0x7B, 4)  # the low byte is unknown


def test_the_xal_dummy_word_is_documented_whole() -> None:
    assert bus.XAL_DUMMY == 0xBADF0200


@pytest.mark.parametrize(
    ("value", "width"),
    [
        pytest.param(0xFFFFFFFF, 4, id="gone-32"),
        pytest.param(0xFFFFFFFF_FFFFFFFF, 8, id="gone-64"),
        pytest.param(0xBADF1100_BADF1100, 8, id="both-halves"),
    ],
)
def test_a_failed_read_is_recognised(value: int, width: int) -> None:
    assert is_error_pattern(value, width)


@pytest.mark.parametrize(
    ("value", "width"),
    [
        pytest.param(0, 4, id="zero"),
        pytest.param(0xDEADBEEF, 4, id="data"),
        pytest.param(0xBADF1400, 4, id="code-nobody-documents"),
        pytest.param(0x00000001_BADF1100, 8, id="one-half-only"),
        pytest.param(0xFF, 1, id="a-byte-cannot-tell"),
        pytest.param(0xFFFF, 2, id="nor-can-two"),
    ],
)
def test_data_is_not_taken_for_a_failed_read(value: int, width: int) -> None:
    assert not is_error_pattern(value, width)


@pytest.mark.parametrize(("width", "value"), [(1, 0x21), (2, 0x4321), (4, 0xBADF4321), (8, 0xBADF4321_BADF4321)])
def test_an_error_word_fits_the_width_of_the_read(width: int, value: int) -> None:
    assert error_value(0xBADF4321, width) == value


@pytest.mark.parametrize(("offset", "width"), [(0x21, 2), (0x32, 4), (0x44, 8)])
def test_a_misaligned_access_is_refused_as_in_the_self_test_of_the_series(offset: int, width: int) -> None:
    with pytest.raises(EINVAL, match=f"a multiple of {width}"):
        check_access("BAR0", offset, width, 0x1000)


@pytest.mark.parametrize(("offset", "width"), [(0x1000, 1), (-8, 8), (0x1000, 4)])
def test_an_access_beyond_the_bar_is_refused(offset: int, width: int) -> None:
    with pytest.raises(EINVAL, match="below 0x1000"):
        check_access("BAR0", offset, width, 0x1000)


def test_the_last_word_of_a_bar_is_inside() -> None:
    check_access("BAR0", 0xFF8, 8, 0x1000)


def test_traffic_between_two_snapshots_is_their_difference() -> None:
    traffic = Traffic(reads=5, writes=7, bar1_reads=1)
    before = traffic.snapshot()
    traffic.reads += 2
    traffic.flushes += 1
    traffic.bar1_writes += 3
    assert traffic - before == Traffic(reads=2, flushes=1, bar1_writes=3)
    assert before == Traffic(reads=5, writes=7, bar1_reads=1)
    assert (traffic - before).transactions == 5
