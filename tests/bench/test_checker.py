import pytest

from nova_async.bench import Settings, checker
from nova_async.bench.checker import ACQUISITIONS, CLASSES, CLIENTS, NEW_CLASSES, OFF, ON, REPEATED
from nova_async.lockdep import NullValidator, Validator


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    clients, new, repeated = checker.clients, checker.new_classes, checker.repeated
    monkeypatch.setattr(checker, "clients", lambda validator: clients(validator, 4))
    monkeypatch.setattr(checker, "new_classes", lambda count: new(count // 1000 + 4))
    monkeypatch.setattr(checker, "repeated", lambda count: repeated(count // 1000 + 3))


def test_the_checker_is_compared_with_no_checker(small: None) -> None:
    report = checker.run(Settings(max_seconds=0))
    by_name = {figure.name: figure for figure in report.figures if figure.size == CLIENTS}
    assert by_name[ON].against == OFF
    assert by_name[ON].ratio == pytest.approx(by_name[ON].median / by_name[OFF].median)
    assert {figure.size for figure in report.figures if figure.name == NEW_CLASSES} == set(CLASSES)
    assert {figure.size for figure in report.figures if figure.name == REPEATED} == set(ACQUISITIONS)
    assert len(report.goals) == 3


def test_every_part_is_announced(small: None) -> None:
    steps: list[str] = []
    checker.run(Settings(max_seconds=0, step=steps.append))
    assert len(steps) == len(CLASSES) + len(ACQUISITIONS) + 1


@pytest.mark.parametrize("validator", [Validator, NullValidator])
def test_the_clients_take_time(validator: type[Validator]) -> None:
    assert checker.clients(validator, 2) > 0
