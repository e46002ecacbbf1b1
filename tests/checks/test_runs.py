from hypothesis import given, settings
from hypothesis import strategies as st

from nova_async.checks.runs import Piece, Runs

PLACES = st.integers(0, 40)
STEPS = st.lists(st.tuples(PLACES, PLACES, st.sampled_from(["a", "b", ""])), max_size=12)


@given(STEPS, PLACES, PLACES)
@settings(max_examples=150, deadline=None)
def test_runs_agree_with_a_dictionary_number_by_number(
    steps: list[tuple[int, int, str]], start: int, stop: int
) -> None:
    runs: Runs[str] = Runs()
    plain: dict[int, str] = {}
    for first, last, value in steps:
        run = range(first, last)
        if value:
            runs.put(run, value)
        else:
            runs.cut(run)
        for number in run:
            plain.pop(number, None)
            plain.update({number: value} if value else {})
    asked = range(start, stop)
    seen = {number: piece.value for piece in runs.within(asked) for number in range(piece.start, piece.stop)}
    assert seen == {number: value for number, value in plain.items() if number in asked}
    assert runs.gap(asked) == next((number for number in asked if number not in plain), None)


def test_runs_are_told_in_order_and_side_by_side_stay_apart() -> None:
    runs: Runs[str] = Runs()
    runs.put(range(5, 8), "b")
    runs.put(range(2, 5), "a")
    assert list(runs) == [Piece(2, 5, "a"), Piece(5, 8, "b")]
