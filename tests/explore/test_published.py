"""The fewest executions, as published or measured elsewhere (peers.md section 2), met exactly."""

import pytest

from nova_async.explore import explore, programs
from nova_async.explore.programs import Program
from nova_async.explore.strategies import DepthFirst, Optimal, Source

FAST = [
    *((programs.readers(n), 2**n, f"readers{n}") for n in (2, 8)),
    *((programs.lastzero(n), (n + 3) * 2 ** (n - 2), f"lastzero{n}") for n in (3, 5, 7)),
    *((programs.indexer(n), 8 ** (n - 11), f"indexer{n}") for n in (11, 12, 13)),
    *((programs.filesystem(n), 2 ** (n - 13), f"filesystem{n}") for n in (13, 14, 16, 18)),
    (programs.counter(2, 2), 6, "counter2x2"),
    (programs.counter(3, 1), 6, "counter3x1"),
    (programs.counter(3, 2), 90, "counter3x2"),
    *((programs.philosophers(n), 2**n - 1, f"phil{n}") for n in (2, 3, 4, 5)),
    *((programs.philosophers(n, ordered=True), 2**n - 2, f"phil{n}o") for n in (2, 3, 4, 5)),
    (programs.lost(2), 4, "lost2"),
    (programs.lost(3), 36, "lost3"),
]

SLOW = [
    (programs.readers(13), 8192, "readers13"),
    (programs.lastzero(10), 3328, "lastzero10"),
    (programs.indexer(14), 512, "indexer14"),
    (programs.indexer(15), 4096, "indexer15"),
    (programs.filesystem(19), 64, "filesystem19"),
    (programs.counter(3, 3), 1680, "counter3x3"),
    (programs.counter(4, 2), 2520, "counter4x2"),
    (programs.philosophers(8), 255, "phil8"),
]

WITHIN = [
    (programs.readers(8), 256, "readers8"),
    (programs.lastzero(5), 79, "lastzero5"),
    (programs.lastzero(7), 492, "lastzero7"),
    (programs.indexer(12), 8, "indexer12"),
    (programs.filesystem(14), 2, "filesystem14"),
    (programs.filesystem(16), 8, "filesystem16"),
    (programs.counter(3, 2), 90, "counter3x2"),
]


def cases(table: list[tuple[Program, int, str]], *marks: pytest.MarkDecorator) -> list[object]:
    return [pytest.param(program, count, id=name, marks=marks) for program, count, name in table]


@pytest.mark.parametrize(("program", "fewest"), [*cases(FAST), *cases(SLOW, pytest.mark.nightly)])
def test_optimal_needs_exactly_the_fewest_executions(program: Program, fewest: int) -> None:
    strategy = Optimal()
    result = explore(program, strategy=strategy)
    assert (result.complete, result.executions, strategy.blocked) == (True, fewest, 0)


@pytest.mark.parametrize(("program", "published"), cases(WITHIN))
def test_source_sets_stay_within_the_published_count(program: Program, published: int) -> None:
    result = explore(program, strategy=Source())
    assert result.complete
    assert result.executions <= published


@pytest.mark.parametrize(
    "program",
    [
        programs.counter(2, 2),
        programs.philosophers(3),
        programs.philosophers(3, ordered=True),
        programs.lost(3),
        programs.readers(2),
        programs.lastzero(2),
    ],
)
def test_no_outcome_of_a_plain_search_is_missed(program: Program) -> None:
    oracle = explore(program, strategy=DepthFirst())
    for strategy in ("dpor", "source-dpor", "exhaustive"):
        result = explore(program, strategy=strategy)
        assert set(result.outcomes) == set(oracle.outcomes)
        assert {failure.identity for failure in result.failures} == {failure.identity for failure in oracle.failures}


def test_the_deadlock_of_the_philosophers_is_one_execution() -> None:
    (failure,) = explore(programs.philosophers(5), strategy="dpor").failures
    assert failure.count == 1
    assert failure.finding is not None
    assert failure.finding.code == "NOVA401"
