from types import SimpleNamespace

import pytest

from nova_async.bench import turns
from nova_async.bench.figure import Samples
from nova_async.bench.turns import Turn, in_turns, seconds_of


class Clock:
    """Time that passes only where something is measured."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def turn(self, name: str, seconds: float, size: int = 1) -> Turn:
        def measure() -> dict[str, float]:
            self.now += seconds
            self.order.append(name)
            return {"s": seconds, "moves": 1}

        return Turn(name, size, measure)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(turns, "time", SimpleNamespace(perf_counter=lambda: clock.now, process_time=lambda: clock.now))
    return clock


def test_everybody_has_a_turn_in_every_round(clock: Clock) -> None:
    samples, lines = Samples(), list[str]()
    in_turns(samples, [clock.turn("a", 1), clock.turn("b", 2)], lines.append, seconds=100, rounds=3)
    assert clock.order == ["a", "b"] * 3
    assert samples.values("b", 1, "s") == (2, 2, 2)
    assert samples.values("b", 1, "moves") == (1, 1, 1)
    assert lines[:3] == ["a, 1, round 1", "b, 1, round 1", "a, 1, round 2"]


def test_the_first_round_is_run_in_any_case_and_no_other_that_does_not_fit(clock: Clock) -> None:
    in_turns(Samples(), [clock.turn("a", 10)], lambda line: None, seconds=0)
    assert clock.order == ["a"]
    in_turns(Samples(), [clock.turn("b", 10)], lambda line: None, seconds=29)
    assert clock.order == ["a", "b", "b"]


def test_seconds_are_those_of_the_work(clock: Clock) -> None:
    assert seconds_of(lambda: clock.turn("a", 5).measure()) == 5
