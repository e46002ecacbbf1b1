"""Flat memory is told from a leak."""

from collections.abc import Callable, Iterator

import pytest

from nova_async.errors import UsageError
from nova_async.scenario.footprint import NOISE, Footprint, MemoryGrew, resident_bytes

MIB = 1 << 20


def measuring(*values: int) -> Callable[[], int]:
    told: Iterator[int] = iter(values)
    return lambda: next(told)


def test_it_measures_once_early_and_once_at_the_end() -> None:
    footprint = Footprint(0.1, measuring(100 * MIB, 101 * MIB))
    for done in (0.01, 0.09, 0.1, 0.5, 1.0):
        footprint.look(done)
    assert footprint.before == 100 * MIB
    assert footprint.close(0.0) == MIB


def test_growth_beyond_what_is_allowed_is_a_leak() -> None:
    footprint = Footprint(0.1, measuring(100 * MIB, 110 * MIB + NOISE + 1))
    footprint.look(0.2)
    with pytest.raises(MemoryGrew, match="more in use"):
        footprint.close(0.1)


def test_growth_within_what_is_allowed_is_none() -> None:
    footprint = Footprint(0.1, measuring(100 * MIB, 110 * MIB + NOISE))
    footprint.look(0.2)
    assert footprint.close(0.1) == 10 * MIB + NOISE


def test_memory_that_is_kept_is_seen() -> None:
    before = resident_bytes()
    kept = bytearray(b"x" * (64 * MIB))
    assert resident_bytes() - before > 48 * MIB
    assert len(kept) == 64 * MIB


@pytest.mark.parametrize("early", [0.0, 1.0, -1.0])
def test_a_part_that_is_no_part_is_refused(early: float) -> None:
    with pytest.raises(UsageError, match="early"):
        Footprint(early)
