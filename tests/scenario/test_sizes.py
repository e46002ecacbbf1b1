import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_async.errors import UsageError
from nova_async.scenario.sizes import UNITS, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("512B", 512),
        ("4KiB", 4096),
        ("64MiB", 64 << 20),
        ("1 gib", 1 << 30),
        ("2TiB", 2 << 40),
    ],
)
def test_a_size_is_a_whole_number_and_a_binary_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.integers(0, 1 << 20), st.sampled_from(sorted(UNITS)))
def test_every_count_in_every_unit_is_a_size(count: int, unit: str) -> None:
    assert parse_size(f"{count}{unit}") == count * UNITS[unit]


def test_a_plain_number_is_a_number_of_bytes() -> None:
    assert parse_size(4096) == 4096


@pytest.mark.parametrize("text", ["", "MiB", "64MB", "-1MiB", "1.5GiB", "64 MiB more", "lots", "0x10MiB"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no size; .*'64MiB'"):
        parse_size(text)
