import json
from pathlib import Path

import pytest

from nova_async.bench.figure import Figure, Report
from nova_async.bench.saved import figures_of, load, machine_change, slower
from nova_async.bench.show import document
from nova_async.errors import UsageError

BEFORE = Figure("map: ours", 512, "µs", 10.0, 0.5, 5)


STEADY = [Figure("steady", size, "µs", 1.0, 0, 5) for size in range(3)]


def worse_than(before: Figure, now: Figure) -> list[str]:
    known = figures_of(document([Report("toy", (before, *STEADY))]))
    return [str(each) for each in slower([Report("toy", (now, *STEADY))], known)]


def figure(
    median: float, spread: float = 0.5, unit: str = "µs", ratio: float | None = None, noise: float = 0
) -> Figure:
    return Figure("map: ours", 512, unit, median, spread, 5, "map: bound" if ratio else "", ratio, noise)


def test_what_takes_longer_by_more_than_both_spreads_is_slower() -> None:
    (line,) = worse_than(BEFORE, figure(15.0))
    assert line == "slower: toy: map: ours, size 512: 10 ±0.5 µs before, 15 ±0.5 µs now: 1.5 times as slow"


@pytest.mark.parametrize("now", [figure(9.0), figure(11.7, spread=1.6), figure(11.4, spread=0)])
def test_what_is_faster_or_within_the_noise_or_hardly_different_is_not(now: Figure) -> None:
    assert worse_than(BEFORE, now) == []


def test_of_rates_more_is_better() -> None:
    assert worse_than(figure(100, unit="states/s"), figure(200, unit="states/s")) == []
    assert worse_than(figure(200, unit="states/s"), figure(100, unit="states/s"))


def test_ratios_are_compared_where_there_are_any() -> None:
    on_a_slow_day = figure(20.0, ratio=2.0, noise=0.1)
    assert worse_than(figure(10.0, ratio=2.0, noise=0.1), on_a_slow_day) == []
    (line,) = worse_than(figure(10.0, ratio=1.5, noise=0.1), on_a_slow_day)
    assert "x1.5 ±0.1 of map: bound before, x2 ±0.1 of map: bound now: 1.33 times as slow" in line


def test_a_slower_machine_is_none_of_our_business() -> None:
    names = ("a", "b", "c")
    before = figures_of(document([Report("toy", tuple(Figure(name, 1, "ms", 10, 0, 5) for name in names))]))
    now = [Report("toy", tuple(Figure(name, 1, "ms", 20 if name != "c" else 40, 0, 5) for name in names))]
    assert machine_change(now, before) == 2
    assert [each.figure.name for each in slower(now, before)] == ["c"]
    assert machine_change([], before) == 1


def test_counts_do_not_depend_on_the_machine() -> None:
    before = figures_of(document([Report("toy", (Figure("a", 1, "s", 1, 0, 5), Figure("b", 1, "MMIO", 1, 0, 5)))]))
    now = [Report("toy", (Figure("a", 1, "s", 2, 0, 5), Figure("b", 1, "MMIO", 2, 0, 5)))]
    assert [each.figure.unit for each in slower(now, before)] == ["MMIO"]


def test_a_single_round_has_no_spread_and_is_not_compared() -> None:
    assert worse_than(BEFORE, Figure("map: ours", 512, "µs", 99, 0, 1)) == []


def test_a_figure_that_is_new_or_nothing_is_not_compared() -> None:
    assert worse_than(BEFORE, Figure("map: new", 512, "µs", 99, 0, 5)) == []
    assert worse_than(figure(0.0, spread=0), figure(5.0)) == []


def test_a_document_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(document([Report("toy", (BEFORE,))])), encoding="utf-8")
    assert figures_of(load(path)) == {("toy", "map: ours", 512, "µs"): BEFORE}


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema": "nova.run/1"}'])
def test_what_is_no_saved_run_is_refused_with_its_name(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"saved\.json"):
        load(path)
