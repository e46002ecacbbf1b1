import pytest

from nova_async.bench import Settings, checker
from nova_async.bench.checker import EACH, EVERYTHING, NEW_CLASSES, OFF, ORDER, RATE, REPEATED, SECONDS
from nova_async.lockdep import NullValidator, Validator

SIZES = (4, 8)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    for name, sizes in {"CLASSES": SIZES, "ACQUISITIONS": SIZES, "CLIENTS": (2, 4), "MANY": 4}.items():
        monkeypatch.setattr(checker, name, sizes)


def test_lock_order_and_everything_are_compared_with_no_checker(small: None) -> None:
    report = checker.run(Settings(max_seconds=0))
    figures = {(figure.name, figure.size): figure for figure in report.figures if figure.unit == SECONDS}
    for name in (ORDER, EVERYTHING):
        for size in (2, 4):
            figure = figures[name, size]
            assert figure.against == OFF
            assert figure.ratio == pytest.approx(figure.median / figures[OFF, size].median)
    assert [goal.value for goal in report.goals[:2]] == [figures[ORDER, 4].ratio, figures[EVERYTHING, 4].ratio]


def test_curves_have_the_time_of_one_acquisition_and_the_number_a_second(small: None) -> None:
    report = checker.run(Settings(max_seconds=0))
    figures = {(figure.name, figure.size, figure.unit): figure for figure in report.figures}
    for name in (NEW_CLASSES, REPEATED):
        for size in SIZES:
            assert figures[name, size, RATE].median == pytest.approx(1e6 / figures[name, size, EACH].median)
    assert len(report.goals) == 4


def test_every_turn_is_announced(small: None) -> None:
    lines: list[str] = []
    checker.run(Settings(max_seconds=0, step=lines.append))
    assert len(lines) == 2 * len(SIZES) + 3 * 2


@pytest.mark.parametrize("validator", [Validator, NullValidator])
def test_the_clients_take_time(validator: type[Validator]) -> None:
    assert checker.clients(validator, 2)[SECONDS] > 0
    assert checker.clients(validator, 2, everything=True)[SECONDS] > 0
