"""How long the window is held: nova_async/mm/holds.py, and who gets in between."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import pytest

from nova_async.address import GIB, MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.errors import EIO
from nova_async.hw.mmu import Access, MmuFault
from nova_async.mm import Gpu, Vmm
from nova_async.mm.buddy import BuddyFlags
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.holds import WORDS_PER_HOLD, holds
from nova_async.mm.observer import Observer
from nova_async.mm.page_tables import Leaf

Settled = Callable[[Gpu], Awaitable[None]]
Every = Callable[[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], Awaitable[int]]

OWNER = "client"
PAGES = 3 * 512
ACROSS = range(2 * MIB - 4 * PAGE_SIZE, 2 * MIB + 4 * PAGE_SIZE)


@dataclass
class HoldTimes(Observer):
    """How much each hold of the window took: transactions and model ns."""

    gpu: Gpu
    taken: tuple[int, int] = (0, 0)
    holds: list[tuple[int, int]] = field(default_factory=list)

    def now(self) -> tuple[int, int]:
        return self.gpu.board.traffic.transactions, self.gpu.board.clock.now

    def window_taken(self) -> None:
        self.taken = self.now()

    def window_released(self) -> None:
        transactions, ns = self.now()
        self.holds.append((transactions - self.taken[0], ns - self.taken[1]))

    @property
    def worst(self) -> tuple[int, int]:
        return max(self.holds)


async def space(gpu: Gpu, va_size: int = 2 * GIB) -> Vmm:
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner=OWNER)
    return gpu.vmm(VramAddress(root.address), va_size, name="space", owner=OWNER)


async def frames(gpu: Gpu, count: int) -> tuple[AllocatedBlocks, list[Pfn]]:
    data = await gpu.mm.alloc_vram(count * PAGE_SIZE, owner=OWNER, flags=BuddyFlags.CONTIGUOUS)
    return data, [Pfn(frame) for run in data.frames() for frame in run]


def watch(gpu: Gpu) -> HoldTimes:
    times = HoldTimes(gpu)
    gpu.mm.observers.append(times)
    return times


@pytest.mark.parametrize("words", [1, 3, 511, 512, 700, 10_000])
def test_work_is_divided_in_order_with_nothing_lost_and_no_hold_too_long(words: int) -> None:
    leaves = [Leaf(0x1000, range(500, 512)), Leaf(0x2000, range(512, 1024)), Leaf(0x3000, range(1024, 1030))]
    divided = [[part for part in hold if isinstance(part, Leaf)] for hold in holds(leaves, words)]
    sizes = [sum(len(part.frames) for part in hold) for hold in divided]
    assert all(size == words for size in sizes[:-1])
    assert 0 < sizes[-1] <= words
    assert [(part.table, vfn) for hold in divided for part in hold for vfn in part.frames] == [
        (leaf.table, vfn) for leaf in leaves for vfn in leaf.frames
    ]
    assert all(part.pte_addr == part.table + 8 * (part.frames.start % 512) for hold in divided for part in hold)


@pytest.mark.parametrize("words", [64, 512])
async def test_nobody_holds_the_window_for_more_words_than_he_may(gpu: Gpu, settled: Settled, words: int) -> None:
    gpu.mm.words_per_hold = words
    data, pfns = await frames(gpu, PAGES)
    vmm = await space(gpu)
    times = watch(gpu)
    mapped = await vmm.map_pages(pfns, range(PAGES * PAGE_SIZE), writable=True)
    for vfn in (0, words - 1, words, PAGES - 1):
        assert gpu.board.mmu.translate(vmm.pdb_addr, vfn << 12, Access.READ).physical(vfn << 12) >> 12 == pfns[vfn]
    await vmm.unmap_pages(mapped)
    assert times.worst[0] <= words + 3  # and what the window was moved for
    assert len(times.holds) > 2 * PAGES // words
    await vmm.close()
    gpu.mm.free_vram(data)
    times.holds.clear()
    await gpu.mm.deferred.drain()
    assert times.worst[0] <= words + 3


async def test_dividing_a_large_mapping_takes_no_more_transactions(gpu: Gpu) -> None:
    _, pfns = await frames(gpu, PAGES)
    vmm = await space(gpu)
    spent = []
    for words in (1 << 20, 128):
        gpu.mm.words_per_hold = words
        prepared = await vmm.prepare_map(PAGES, range(PAGES * PAGE_SIZE))
        before = gpu.board.traffic.snapshot()
        mapped = await vmm.execute_map(prepared, pfns, writable=True)
        spent.append((gpu.board.traffic - before).transactions)
        await vmm.unmap_pages(mapped)
        await vmm.reclaim_tables()
        await gpu.mm.deferred.drain()
    assert spent[0] == spent[1]


@pytest.mark.parametrize(("words", "gets_in"), [(PAGES + 16, False), (256, True)])
async def test_another_user_gets_the_window_in_the_middle_of_an_execute(gpu: Gpu, words: int, gets_in: bool) -> None:
    gpu.mm.words_per_hold = words
    _, pfns = await frames(gpu, PAGES)
    vmm = await space(gpu)
    prepared = await vmm.prepare_map(PAGES, range(PAGES * PAGE_SIZE))
    leaves_seen = []

    async def look() -> None:
        async with gpu.mm.pramin.window():
            leaves_seen.append(sum(1 for _ in gpu.board.mmu.leaves(vmm.pdb_addr)))

    async with gpu.mm.pramin.window():  # until both stand in line, the execute first
        executing = anyio.Event()

        async def execute() -> None:
            executing.set()
            await vmm.execute_map(prepared, pfns, writable=True)

        tasks = anyio.create_task_group()
        await tasks.__aenter__()
        tasks.start_soon(execute, name="execute")
        await executing.wait()
        tasks.start_soon(look, name="look")
        await anyio.wait_all_tasks_blocked()
    await tasks.__aexit__(None, None, None)
    assert (0 < leaves_seen[0] < PAGES) == gets_in


async def test_a_failure_in_any_hold_restores_what_was_there(gpu: Gpu, settled: Settled) -> None:
    gpu.mm.words_per_hold = 2
    data, pfns = await frames(gpu, 8)
    vmm = await space(gpu)
    root = vmm.pdb_addr
    for writes in range(1, 100):
        prepared = await vmm.prepare_map(8, ACROSS)
        left = iter(range(writes))
        gpu.mm.pramin.faults.strikes = lambda kind: kind == "mmio" and next(left, None) is None  # type: ignore[method-assign]  # noqa: B023
        try:
            mapped = await vmm.execute_map(prepared, pfns, writable=True)
        except EIO:
            del gpu.mm.pramin.faults.strikes
            await vmm.abort(prepared)
        else:
            del gpu.mm.pramin.faults.strikes
            await vmm.unmap_pages(mapped)
            break
        assert len(list(gpu.board.mmu.tables(root))) == 1
    assert writes > 8
    await vmm.close()
    gpu.mm.free_vram(data)
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {OWNER: 1}


async def test_an_execute_cancelled_between_any_two_holds_restores_what_was_there(
    gpu: Gpu, cancelled_at_every_await: Every
) -> None:
    gpu.mm.words_per_hold = 2
    _, pfns = await frames(gpu, 8)
    vmm = await space(gpu)

    async def map_and_unmap() -> None:
        prepared = await vmm.prepare_map(8, ACROSS)
        try:
            mapped = await vmm.execute_map(prepared, pfns, writable=True)
        except BaseException:
            await vmm.abort(prepared)
            raise
        with anyio.CancelScope(shield=True):
            await vmm.unmap_pages(mapped)

    async def nothing_is_left() -> None:
        assert not list(gpu.board.mmu.leaves(vmm.pdb_addr))
        await gpu.mm.deferred.drain()
        assert await vmm.outstanding() == (0, 0)

    assert await cancelled_at_every_await(map_and_unmap, nothing_is_left) > 10


def meanwhile(vmm: Vmm, work: Callable[[], Awaitable[None]]) -> None:
    """Let ``work`` happen once, between the last hold of the next execute and its flush, which then fails."""
    flush = vmm._writer.flush

    async def late() -> None:
        vmm._writer.flush = flush  # type: ignore[method-assign]
        await work()
        raise EIO("flush")

    vmm._writer.flush = late  # type: ignore[method-assign]


async def test_a_failed_execute_leaves_the_tables_under_which_others_have_installed(gpu: Gpu, settled: Settled) -> None:
    data, pfns = await frames(gpu, 2)
    vmm = await space(gpu)
    first = await vmm.prepare_map(1, range(PAGE_SIZE))

    async def neighbour() -> None:
        mapped = await vmm.map_pages(pfns[1:], range(2 * MIB, 2 * MIB + PAGE_SIZE), writable=True)
        await vmm.unmap_pages(mapped)

    meanwhile(vmm, neighbour)
    with pytest.raises(EIO):
        await vmm.execute_map(first, pfns[:1], writable=True)
    await vmm.abort(first)
    again = await vmm.map_pages(pfns, range(2 * MIB - PAGE_SIZE, 2 * MIB + PAGE_SIZE), writable=True)
    for vfn in again.frames:
        gpu.board.mmu.translate(vmm.pdb_addr, vfn << 12, Access.READ)
    await vmm.unmap_pages(again)
    await vmm.close()
    with pytest.raises(MmuFault):
        gpu.board.mmu.translate(vmm.pdb_addr, 0, Access.READ)
    gpu.mm.free_vram(data)
    await gpu.mm.deferred.drain()
    assert gpu.mm.owners.by_owner() == {OWNER: 1}


async def test_who_came_while_an_install_failed_installs_the_page_himself(gpu: Gpu) -> None:
    _, pfns = await frames(gpu, 2)
    vmm = await space(gpu)
    first = await vmm.prepare_map(1, range(PAGE_SIZE))
    restore, second = vmm._writer.restore, []

    async def late(journal: object) -> None:
        vmm._writer.restore = restore  # type: ignore[method-assign]
        gpu.kernel.faults.stop()
        second.append(await vmm.prepare_map(1, range(PAGE_SIZE, 2 * PAGE_SIZE)))
        await restore(journal)  # type: ignore[arg-type]

    vmm._writer.restore = late  # type: ignore[method-assign]
    gpu.kernel.faults.start({"mmio": 1.0})
    with pytest.raises(EIO):
        await vmm.execute_map(first, pfns[:1], writable=True)
    await vmm.execute_map(second[0], pfns[1:], writable=True)
    found = gpu.board.mmu.translate(vmm.pdb_addr, PAGE_SIZE, Access.READ)
    assert found.physical(PAGE_SIZE) == pfns[1].address()


def test_the_default_is_well_below_a_millisecond() -> None:
    assert WORDS_PER_HOLD * 100 < 1_000_000 / 2


@pytest.mark.parametrize(("words", "worst"), [(1 << 20, 262_665), (WORDS_PER_HOLD, 4_099)])
async def test_the_worst_hold_of_a_gigabyte_is_that_of_the_bound_for_no_more_transactions(
    probe: Callable[..., Gpu], words: int, worst: int
) -> None:
    gpu = probe(vram=2 * GIB)
    pages = GIB // PAGE_SIZE
    _, pfns = await frames(gpu, pages)
    vmm = await space(gpu)
    gpu.mm.words_per_hold = words
    prepared = await vmm.prepare_map(pages)
    before, times = gpu.board.traffic.snapshot(), watch(gpu)
    await vmm.execute_map(prepared, pfns, writable=True)
    assert times.worst == (worst, worst * 100)
    assert (gpu.board.traffic - before).transactions <= 1.02 * pages
