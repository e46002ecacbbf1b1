"""The lock designs in virtual time: the numbers follow from the cost model, and the page shows them."""

from pathlib import Path

import pytest

import nova_async
from nova_async.bench import Settings
from nova_async.bench.design_page import BEGIN, END, PAGE, PLOT, cell, plot, renewed, rows, table, values_of
from nova_async.bench.designs import BINDS, FENCE_WAIT, GLOBAL, OURS, PAGES, THROUGHPUT, UNITS, WAIT, measure, run
from nova_async.hw.clock import Costs
from nova_async.mm.designs import DESIGNS

FOLDER = Path(nova_async.__file__).parent.parent / "docs" / "explanation"


def test_nobody_waits_alone_and_all_designs_are_alike() -> None:
    alone = [measure(design, 1, shared=True) for design in DESIGNS]
    assert all(each == alone[0] for each in alone)
    assert (alone[0][WAIT], alone[0][FENCE_WAIT]) == (0, 0)


def test_alone_a_bind_takes_its_writes_and_two_flushes() -> None:
    written = 2 * PAGES * Costs().write_ns
    flushes = 2 * (Costs().invalidate_ns + 2 * Costs().read_ns)
    tables = 2 * 512 * Costs().write_ns / BINDS
    least = written + flushes + tables
    took = 1e6 / measure(OURS, 1, shared=False)[THROUGHPUT]
    assert least < took < 1.2 * least


def test_the_same_numbers_every_time() -> None:
    assert measure(OURS, 4, shared=True) == measure(OURS, 4, shared=True)


@pytest.mark.parametrize("invalidate_ns", [5_000, 10_000, 50_000])
def test_the_order_of_the_designs_holds_over_all_that_is_assumed_of_a_flush(invalidate_ns: int) -> None:
    costs = Costs(invalidate_ns=invalidate_ns)
    shared = {design: measure(design, 8, shared=True, costs=costs)[THROUGHPUT] for design in DESIGNS}
    own = {design: measure(design, 8, shared=False, costs=costs)[THROUGHPUT] for design in DESIGNS}
    assert shared["a lock per Vmm"] == shared[GLOBAL] < 0.95 * shared[OURS]
    assert own[GLOBAL] < 0.95 * own[OURS] == pytest.approx(0.95 * own["a lock per Vmm"])
    assert shared["a lock per page table"] == pytest.approx(shared[OURS], rel=0.02)


def test_throughput_ends_where_the_tlb_is_never_idle() -> None:
    two_flushes_ms = 2 * (Costs().invalidate_ns + Costs().read_ns) / 1e6
    for design in ("a lock per page table", OURS):
        assert measure(design, 8, shared=True)[THROUGHPUT] < 1 / two_flushes_ms


def test_a_bench_compares_with_ours_and_judges_what_it_has_measured() -> None:
    report = run(Settings(), clients=(2,))
    compared = [figure for figure in report.figures if figure.against]
    assert len(report.figures) == 2 * len(DESIGNS) * len(UNITS)
    assert {figure.against.partition(",")[0] for figure in compared} == {OURS}
    assert report.goals == ()


def test_time_that_is_up_leaves_sizes_out() -> None:
    assert run(Settings(max_seconds=0.0), clients=(1, 2)).figures == ()


def test_the_page_shows_what_is_measured_now() -> None:
    values = values_of(run(Settings(), clients=(1, 4)))
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    for count in (1, 4):
        for row in rows(values, count):
            assert row in page


@pytest.mark.nightly
def test_page_and_plot_are_fresh() -> None:
    values = values_of(run(Settings(max_seconds=600.0)))
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    assert renewed(page, values) == page
    assert plot(values) == (FOLDER / PLOT).read_text(encoding="utf-8")


def test_only_what_lies_between_the_marks_is_renewed() -> None:
    values = values_of(run(Settings(), clients=(1,)))
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    fresh = page.replace("\nold\n", f"\n\n{table(values, (1,))}\n\n")
    assert table(values, (1,)).count("\n") == len(DESIGNS) + 1
    assert fresh.startswith("before\n")
    assert fresh.endswith("\nafter\n")
    with pytest.raises(KeyError):
        renewed(page, values)  # the page is of all sizes


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0.0"), (22.82, "22.8"), (99.96, "100.0"), (1426.4, "1426")])
def test_a_cell_has_three_digits_or_all_before_the_point(value: float, shown: str) -> None:
    assert cell(value) == shown
