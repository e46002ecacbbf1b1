import pytest

from nova_async.errors import InternalError
from nova_async.hw.clock import Costs, ModelClock


def test_time_starts_at_zero_and_only_moves_forward() -> None:
    clock = ModelClock()
    clock.advance(5)
    clock.advance(0)
    assert clock.now == 5
    with pytest.raises(InternalError, match="-1 ns"):
        clock.advance(-1)


def test_costs_lie_in_the_assumed_ranges_of_section_8() -> None:
    costs = Costs()
    assert 1_000 <= costs.read_ns <= 2_000
    assert 50 <= costs.write_ns <= 300
    assert 5_000 <= costs.invalidate_ns <= 50_000
