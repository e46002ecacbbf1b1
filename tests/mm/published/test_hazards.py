"""hazards.md A and B, as far as one task at a time can show them; each test names its entry."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from nova_async.address import MIB, PAGE_SHIFT, PAGE_SIZE
from nova_async.errors import EINVAL, EIO, ENOMEM, ETIMEDOUT
from nova_async.mm.pagetable import FORMATS
from nova_async.mm.published import PreparedMapping

Published = Callable[[], Awaitable[Any]]
BIG, HUGE = 2 * MIB, 512 * MIB
"""What one leaf table covers, and one table above it."""


def page_at(address: int, pages: int = 1) -> range:
    return range(address, address + pages * PAGE_SIZE)


async def prepare_at(setup: Any, addresses: Sequence[int]) -> list[PreparedMapping]:
    return [await setup.vmm.prepare_map(1, page_at(address)) for address in addresses]


async def va_is_free(setup: Any, address: int) -> bool:
    """Whether the allocator would hand these addresses out."""
    runs = await setup.vmm._va.free_runs()
    return any(start <= address < start + size for start, size in runs)


# (a) capacity reserved twice


async def test_a1_two_prepares_512_mib_apart_need_one_place_more_than_is_reserved(published: Published) -> None:
    setup = await published()
    first, _ = await prepare_at(setup, [0, HUGE])
    bound = FORMATS[setup.vmm.mmu_version].pt_pages_upper_bound(1)
    assert (setup.vmm.page_table_allocs.capacity, len(setup.vmm.pt_pages)) == (bound, bound + 1)
    with pytest.raises(ENOMEM, match=f"capacity {bound}"):
        await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    assert await setup.free_tables() != []
    assert await va_is_free(setup, 0)


async def test_a1_the_page_that_dies_is_the_one_that_the_whole_tree_hangs_from(published: Published) -> None:
    setup = await published()
    # Slots are drained by address and pages handed out downwards: a root above them all comes last (JF's layout).
    assert setup.root.address > (await setup.gpu.mm.buddy.free_runs())[-1][0]
    first, _ = await prepare_at(setup, [0, HUGE])
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    root_entry = next(table for table in setup.gpu.board.mmu.tables(setup.root.address) if table.level == 1)
    assert root_entry.address in await setup.free_tables()


async def test_a1_the_next_owner_of_the_dead_page_is_walked_by_the_gpu(published: Published) -> None:
    setup = await published()
    first, _ = await prepare_at(setup, [0, HUGE])
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    (dead,) = await setup.free_tables()
    everything = await setup.gpu.mm.buddy.avail()
    await setup.gpu.mm.alloc_vram(everything, owner="stranger")
    assert dead in [table.address for table in setup.gpu.board.mmu.tables(setup.root.address)]
    assert setup.gpu.mm.owners.by_owner()["stranger"] * PAGE_SIZE == everything


async def test_a1_no_flush_is_sent_for_what_was_installed(published: Published) -> None:
    setup = await published()
    first, _ = await prepare_at(setup, [0, HUGE])
    flushes = setup.gpu.board.traffic.flushes
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    assert setup.gpu.board.traffic.flushes == flushes


async def test_a2_three_prepares_2_mib_apart_are_one_too_many_and_two_are_not(published: Published) -> None:
    setup = await published()
    two = await prepare_at(setup, [0, BIG])
    for prepared in two:
        await setup.vmm.execute_map(prepared, setup.pfns(1), writable=True)
    other = await published()
    three = await prepare_at(other, [0, BIG, 2 * BIG])
    with pytest.raises(ENOMEM):
        await other.vmm.execute_map(three[0], other.pfns(1), writable=True)
    assert await other.free_tables() != []


async def test_a3_with_the_upper_levels_there_one_leaf_table_each_is_too_many_as_well(published: Published) -> None:
    setup = await published()
    await setup.vmm.map_pages(setup.pfns(1), page_at(100 * BIG), writable=True)
    setup.vmm = setup.another("bar1")
    bound = FORMATS[setup.vmm.mmu_version].pt_pages_upper_bound(1)  # 5 on V2, 6 on V3
    prepared = await prepare_at(setup, [table * BIG for table in range(bound + 1)])
    assert len(setup.vmm.pt_pages) == bound + 1
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(prepared[0], setup.pfns(1), writable=True)


async def test_a3_one_pending_prepare_less_fits(published: Published) -> None:
    setup = await published()
    await setup.vmm.map_pages(setup.pfns(1), page_at(100 * BIG), writable=True)
    setup.vmm = setup.another("bar1")
    bound = FORMATS[setup.vmm.mmu_version].pt_pages_upper_bound(1)
    prepared = await prepare_at(setup, [table * BIG for table in range(bound)])
    await setup.vmm.execute_map(prepared[0], setup.pfns(1), writable=True)
    assert await setup.free_tables() == []


@pytest.mark.parametrize(("chip", "pages", "capacity"), [("GA102", 6, 5), ("GH100", 7, 6)])
async def test_a4_the_counts_are_six_of_five_on_v2_and_seven_of_six_on_v3(
    published: Published, chip: str, pages: int, capacity: int
) -> None:
    setup = await published()
    if setup.gpu.chipset.name != chip:
        return
    await prepare_at(setup, [0, HUGE])
    assert (len(setup.vmm.pt_pages), setup.vmm.page_table_allocs.capacity) == (pages, capacity)


# (c) failure in the middle of execute


async def test_c_a_bus_fault_at_a_leaf_leaves_the_earlier_leaves_live_in_free_addresses(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await published()
    prepared = await setup.vmm.prepare_map(4, page_at(0, 4))
    monkeypatch.setattr(setup.gpu.kernel.faults, "strikes", FailsAt(setup, leaves=3))
    with pytest.raises(EIO, match="no answer"):
        await setup.vmm.execute_map(prepared, setup.pfns(4), writable=True)
    assert list(setup.leaves()) == [0, 1, 2]
    assert await va_is_free(setup, 0)


class FailsAt:
    """A fault plan that strikes the bus once a number of leaves is live."""

    def __init__(self, setup: Any, leaves: int) -> None:
        self._setup = setup
        self._leaves = leaves

    def __call__(self, kind: str) -> bool:
        return kind == "mmio" and len(self._setup.leaves()) == self._leaves


async def test_c_after_that_a_shorter_mapping_at_the_same_place_leaves_a_tail_that_nobody_owns(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await published()
    prepared = await setup.vmm.prepare_map(4, page_at(0, 4))
    with monkeypatch.context() as patch:
        patch.setattr(setup.gpu.kernel.faults, "strikes", FailsAt(setup, leaves=3))
        with pytest.raises(EIO):
            await setup.vmm.execute_map(prepared, setup.pfns(4), writable=True)
    shorter = await setup.vmm.map_pages(setup.pfns(1, skip=8), page_at(0), writable=True)
    await setup.vmm.unmap_pages(shorter)
    assert list(setup.leaves()) == [1, 2]


async def test_c_a_failed_flush_leaves_the_whole_range_mapped_and_free(published: Published) -> None:
    setup = await published()
    prepared = await setup.vmm.prepare_map(4, page_at(0, 4))
    setup.gpu.board.invalidate.stuck = True
    with pytest.raises(ETIMEDOUT):
        await setup.vmm.execute_map(prepared, setup.pfns(4), writable=True)
    assert list(setup.leaves()) == [0, 1, 2, 3]
    assert await va_is_free(setup, 0)


async def test_c_the_wrong_number_of_frames_costs_the_mapping_and_keeps_its_pages_pending(published: Published) -> None:
    setup = await published()
    prepared = await setup.vmm.prepare_map(2, page_at(0, 2))
    pending = len(setup.vmm.pt_pages)
    with pytest.raises(EINVAL, match="1 frames"):
        await setup.vmm.execute_map(prepared, setup.pfns(1), writable=True)
    with pytest.raises(EINVAL, match="moved"):
        await setup.vmm.execute_map(prepared, setup.pfns(2), writable=True)
    assert await va_is_free(setup, 0)
    assert len(setup.vmm.pt_pages) == pending > 0


# (d) two prepares, one slot


async def test_d_two_prepares_without_a_lock_between_them_lose_the_first_page_and_fail(published: Published) -> None:
    setup = await published()
    alloc = setup.vmm._alloc_and_zero_page_table
    raced: list[bool] = []

    async def raced_alloc() -> Any:
        if not raced:  # the window is free here: another prepare runs from start to end
            raced.append(True)
            await setup.vmm.prepare_map(1, page_at(BIG))
        return await alloc()

    setup.vmm._alloc_and_zero_page_table = raced_alloc
    with pytest.raises(EIO, match="prepared twice"):
        await setup.vmm.prepare_map(1, page_at(0))
    assert await va_is_free(setup, 0)
    orphans = [slot for slot in setup.vmm.pt_pages if slot >> 12 in await free_frames(setup)]
    assert orphans != []  # slots inside the page that was freed


async def free_frames(setup: Any) -> set[int]:
    runs = await setup.gpu.mm.buddy.free_runs()
    return {frame for start, size in runs for frame in range(start >> 12, (start + size) >> 12)}


# (f) an aborted prepare


async def test_f_a_dropped_prepare_leaves_its_pages_to_fail_the_next_execute(published: Published) -> None:
    setup = await published()
    aborted, live = await prepare_at(setup, [0, HUGE])
    await aborted.drop()
    assert await va_is_free(setup, 0)
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(live, setup.pfns(1), writable=True)


async def test_f_what_an_aborted_prepare_left_is_installed_by_an_unrelated_execute(published: Published) -> None:
    setup = await published()
    (aborted,) = await prepare_at(setup, [0])
    await aborted.drop()
    await setup.vmm.map_pages(setup.pfns(1), page_at(BIG), writable=True)
    tables = [table.va for table in setup.gpu.board.mmu.tables(setup.root.address) if table.kind.lo == PAGE_SHIFT]
    assert tables == [0, BIG]


# (g) unmap that fails


async def test_g_an_unmap_whose_flush_fails_frees_the_addresses_and_blames_the_caller(published: Published) -> None:
    setup = await published()
    mapped = await setup.vmm.map_pages(setup.pfns(2), page_at(0, 2), writable=True)
    setup.gpu.board.invalidate.stuck = True
    with pytest.raises(ETIMEDOUT):
        await setup.vmm.unmap_pages(mapped)
    assert await va_is_free(setup, 0)
    assert setup.vmm.log.told == ["MappedRange dropped without calling unmap_pages()"]


async def test_g_an_unmap_that_fails_at_a_walk_leaves_live_leaves_in_free_addresses(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await published()
    mapped = await setup.vmm.map_pages(setup.pfns(3), page_at(0, 3), writable=True)
    monkeypatch.setattr(setup.gpu.kernel.faults, "strikes", FailsAt(setup, leaves=2))
    with pytest.raises(EIO):
        await setup.vmm.unmap_pages(mapped)
    assert list(setup.leaves()) == [1, 2]
    assert await va_is_free(setup, 0)


# (h) a range that is dropped


async def test_h_a_dropped_range_is_reused_under_its_live_leaves_and_keeps_a_tail(published: Published) -> None:
    setup = await published()
    long = await setup.vmm.map_pages(setup.pfns(4), page_at(0, 4), writable=True)
    await long.drop()
    short = await setup.vmm.map_pages(setup.pfns(1, skip=8), page_at(0), writable=True)
    await short.drop()
    assert list(setup.leaves()) == [0, 1, 2, 3]
    assert await va_is_free(setup, 3 * PAGE_SIZE)


async def test_h_only_the_first_leak_is_told(published: Published) -> None:
    setup = await published()
    for address in (0, BIG):
        mapped = await setup.vmm.map_pages(setup.pfns(1), page_at(address), writable=True)
        await mapped.drop()
    assert len(setup.vmm.log.told) == 1


# B1, B2, B5, B6


async def test_b1_the_rejected_page_goes_to_the_buddy_under_the_window_lock(published: Published) -> None:
    setup = await published()
    first, _ = await prepare_at(setup, [0, HUGE])
    assert setup.gpu.kernel.lockdep.findings == []
    with pytest.raises(ENOMEM):
        await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    told = {(finding.code, finding.locks) for finding in setup.gpu.kernel.lockdep.findings}
    assert told == {("NOVA101", ("pramin", "buddy")), ("NOVA203", ("pramin", "buddy"))}


async def test_b2_installing_a_small_table_erases_the_big_half(published: Published) -> None:
    setup = await published()
    await setup.vmm.map_pages(setup.pfns(1), page_at(0), writable=True)
    tables = list(setup.gpu.board.mmu.tables(setup.root.address))
    dual = next(table for table in tables if table.kind.entry_bytes == 16)
    slot = dual.address + 3 * 16
    setup.gpu.board.vram.write(slot, 8, 0x123402)
    await setup.vmm.map_pages(setup.pfns(1), page_at(3 * BIG), writable=True)
    assert setup.gpu.board.vram.read(slot, 8) == 0


async def test_b5_a_range_prepared_for_one_vmm_executes_on_another_and_frees_into_the_first(
    published: Published,
) -> None:
    setup = await published()
    stranger = setup.another("stranger")
    prepared = await stranger.prepare_map(1, page_at(0))
    with pytest.raises(EIO, match="no leaf table"):  # the pages are pending at the other Vmm
        await setup.vmm.execute_map(prepared, setup.pfns(1), writable=True)
    await setup.vmm.map_pages(setup.pfns(1), page_at(PAGE_SIZE), writable=True)
    again = await stranger.prepare_map(1, page_at(0))
    mapped = await setup.vmm.execute_map(again, setup.pfns(1, skip=4), writable=True)
    assert list(setup.leaves()) == [0, 1]
    assert await va_is_free(setup, 0)  # vm would hand out what the stranger's range now lives in
    await setup.vmm.unmap_pages(mapped)
    assert list(setup.leaves()) == [1]


async def test_b6_any_frame_is_mapped_and_too_wide_a_one_is_cut_off(published: Published) -> None:
    setup = await published()
    bits = FORMATS[setup.vmm.mmu_version].frame_bits
    mapped = await setup.vmm.map_pages([0x10, (1 << bits) + 0x11], writable=True)
    assert [setup.leaves()[vfn] for vfn in mapped.frames] == [0x10, 0x11]


async def test_b7_one_execute_installs_the_pages_of_everybody(published: Published) -> None:
    setup = await published()
    first, _ = await prepare_at(setup, [0, BIG])
    await setup.vmm.execute_map(first, setup.pfns(1), writable=True)
    assert len(setup.vmm.pt_pages) == 0
    tables = [table.va for table in setup.gpu.board.mmu.tables(setup.root.address) if table.kind.lo == PAGE_SHIFT]
    assert tables == [0, BIG]
