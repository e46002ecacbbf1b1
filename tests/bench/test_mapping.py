"""Issue: execute of n pages costs n leaf writes, one install per new table and one flush (design section 8)."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import anyio
import pytest

from nova_async.address import PAGE_SIZE
from nova_async.bench import Settings, mapping
from nova_async.bench.budget import MOST_ROUNDS
from nova_async.bench.contenders import CONTENDERS, READ_BACK, Cost, Job
from nova_async.bench.mapping import figure_name, measure, run
from nova_async.errors import InternalError
from nova_async.hw.bus import Traffic
from nova_async.hw.chipset import MmuVersion
from nova_async.mm.pagetable import FORMATS

FLUSH_WRITES = 3
V2, V3 = MmuVersion.V2, MmuVersion.V3
ABLE = [(name, version) for name in CONTENDERS for version in (V2, V3) if (name, version) != ("January", V3)]


def new_tables(version: MmuVersion, pages: int) -> int:
    """How many tables a mapping from address 0 adds to an empty root."""
    return FORMATS[version].pt_pages_upper_bound(pages) - 1


class Watched(Job):
    """Remembers what hardware finds after each phase."""

    leaves: dict[str, dict[int, int]]

    @contextmanager
    def phase(self, name: str, pages: int | None = None) -> Iterator[None]:
        yield
        found = self.gpu.board.mmu.leaves(self.pdb)
        self.leaves[name] = {leaf.va // PAGE_SIZE: leaf.address // PAGE_SIZE for leaf in found}


@pytest.mark.parametrize(("contender", "version"), ABLE)
def test_every_contender_maps_all_pages_and_unmaps_them(contender: str, version: MmuVersion) -> None:
    async def once() -> Watched:
        job = await Watched.make(version, 520)
        assert isinstance(job, Watched)
        job.leaves = {}
        await CONTENDERS[contender](job)
        return job

    job = anyio.run(once)
    mapped = job.leaves["execute"]
    assert [mapped[vfn] for vfn in sorted(mapped)] == job.pfns
    assert sorted(mapped) == list(range(min(mapped), min(mapped) + 520))
    assert job.leaves["unmap"] == {}


def test_a_sample_in_the_middle_is_read_back() -> None:
    costs = measure("ours", V2, 3 * READ_BACK)
    assert costs["read back"].pages == READ_BACK
    assert costs["read back"].traffic.reads == 5 * READ_BACK
    assert costs["execute"].pages == 3 * READ_BACK


def test_reading_back_something_else_is_no_figure() -> None:
    async def once() -> None:
        job = await Job.make(V2, 2)
        with pytest.raises(InternalError, match="read back"), job.reading_back() as found:
            found += reversed(job.pfns)

    anyio.run(once)


@pytest.mark.parametrize("version", [V2, V3])
@pytest.mark.parametrize("pages", [1, 512, 2048])
def test_ours_costs_one_write_a_page_one_a_table_and_one_flush(version: MmuVersion, pages: int) -> None:
    costs = measure("ours", version, pages)
    polls = costs["unmap"].traffic.reads
    execute = costs["execute"].traffic
    assert execute.writes - execute.window_writes == pages + new_tables(version, pages) + FLUSH_WRITES
    assert (execute.reads, execute.flushes) == (polls, 1)  # not one read of a table
    unmap = costs["unmap"].traffic
    assert unmap.writes - unmap.window_writes == pages + FLUSH_WRITES
    assert costs["prepare"].traffic.reads <= new_tables(version, pages) + 1


@pytest.mark.parametrize("version", [V2, V3])
def test_the_lower_bound_is_no_more_than_ours(version: MmuVersion) -> None:
    ours, bound = (measure(name, version, 2048)["execute"] for name in ("ours", "lower bound"))
    assert bound.traffic.transactions <= ours.traffic.transactions
    assert bound.traffic.writes - bound.traffic.window_writes == 2048 + new_tables(version, 2048) + FLUSH_WRITES


def test_the_published_algorithm_reads_every_level_of_every_page() -> None:
    for version, reads in ((V2, 6), (V3, 7)):
        costs = measure("published", version, 512)
        polls = measure("ours", version, 512)["unmap"].traffic.reads
        assert costs["execute"].traffic.reads - polls == 512 * reads
        assert costs["unmap"].traffic.reads - polls == 512 * reads


def test_january_flushes_for_every_page() -> None:
    assert measure("January", V2, 512)["execute"].traffic.flushes == 512


def test_a_quarter_of_a_million_pages_stay_within_both_goals() -> None:
    large, small = (measure("ours", V2, pages)["execute"] for pages in (1 << 18, 512))
    assert large.traffic.transactions / (1 << 18) <= mapping.MMIO_GOAL
    assert large.model_ns / (1 << 18) <= mapping.GROWTH_GOAL * small.model_ns / 512
    assert large.seconds < 5


class FakeClock:
    """Time that passes only when a contender is measured."""

    def __init__(self, seconds_a_page: dict[str, float]) -> None:
        self.now = 0.0
        self.measured: list[tuple[str, MmuVersion, int]] = []
        self._seconds = seconds_a_page

    def measure(self, contender: str, version: MmuVersion, pages: int) -> dict[str, Cost]:
        self.now += self._seconds[contender] * pages
        self.measured.append((contender, version, pages))
        return {"execute": Cost(pages, 1.0, 1000, Traffic(reads=pages, writes=pages))}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock({"ours": 0.01, "published": 1, "January": 2, "lower bound": 0.01})
    monkeypatch.setattr(mapping, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(mapping, "measure", clock.measure)
    return clock


def test_rounds_are_interleaved_and_january_is_measured_on_v2_only(clock: FakeClock) -> None:
    run(Settings(max_seconds=1000), sizes=[1])
    names = [name for name, version, _ in clock.measured if version is V2]
    assert names == list(CONTENDERS) * MOST_ROUNDS
    assert {name for name, version, _ in clock.measured if version is V3} == set(CONTENDERS) - {"January"}


def test_the_largest_size_has_a_figure_before_the_smallest_has_a_second(clock: FakeClock) -> None:
    run(Settings(max_seconds=500), sizes=[2, 50])
    pages = [pages for name, version, pages in clock.measured if (name, version) == ("published", V2)]
    assert pages[:3] == [2, 50, 2]
    assert pages.count(2) > pages.count(50)
    # What January takes for 50 would fit into what is left, but not into the share of its group.
    assert clock.measured.count(("January", V2, 50)) == 1


def test_who_does_not_fit_into_the_time_is_left_out_and_named(clock: FakeClock) -> None:
    report = run(Settings(max_seconds=100), sizes=[2, 50])
    at_50 = {(name, version) for name, version, pages in clock.measured if pages == 50}
    assert ("January", V2) not in at_50
    assert ("ours", V2) in at_50
    assert "Left out: January, V2, 50 pages: about 120 s." in report.notes
    assert clock.now < 110


def test_figures_are_per_page_and_compared_with_the_lower_bound(clock: FakeClock) -> None:
    report = run(Settings(max_seconds=1000), sizes=[2])
    figures = {(figure.name, figure.unit): figure for figure in report.figures}
    ours = figures[figure_name(V2, "execute", "ours"), "MMIO"]
    assert (ours.size, ours.median, ours.against, ours.ratio) == (2, 2.0, "V2 execute: lower bound", 1.0)
    assert figures[ours.name, "reads"].against == ""
    assert figures[ours.name, "µs"].median == 5e5


def test_goals_are_judged_only_where_the_large_size_was_measured(clock: FakeClock) -> None:
    assert run(Settings(max_seconds=1000), sizes=[1, 512]).goals == ()
    goals = run(Settings(max_seconds=1e7), sizes=[512, 1 << 18]).goals
    assert [goal.met for goal in goals] == [False, True] * 2  # two transactions a page; time does not grow at all


def test_each_round_is_announced(clock: FakeClock) -> None:
    lines: list[str] = []
    run(Settings(max_seconds=1000, step=lines.append), sizes=[1])
    assert lines[0] == "V2, 1 pages, round 1"
    assert len(lines) == 2 * MOST_ROUNDS
