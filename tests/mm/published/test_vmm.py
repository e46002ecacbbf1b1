"""The published two-phase Vmm where it works, what that costs, and what it refuses (hardware.md 4.3, 4.4)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nova_async.address import PAGE_SIZE, Vfn
from nova_async.errors import EINVAL, ENOMEM, EOVERFLOW
from nova_async.kernel import Mutex
from nova_async.mm.pagetable import FORMATS

Published = Callable[[], Awaitable[Any]]
FLUSH_WRITES = 3


async def test_what_is_mapped_is_what_hardware_finds(published: Published) -> None:
    setup = await published()
    pfns = setup.pfns(5)
    mapped = await setup.vmm.map_pages(pfns, writable=True)
    assert setup.leaves() == dict(zip(mapped.frames, pfns, strict=True))
    assert [await setup.vmm.read_mapping(Vfn(vfn)) for vfn in mapped.frames] == pfns
    await setup.vmm.unmap_pages(mapped)
    assert setup.leaves() == {}
    assert await setup.vmm.read_mapping(Vfn(mapped.vfn_start)) is None
    assert setup.vmm.log.told == []


async def test_prepare_touches_no_entry_and_execute_writes_them_all(published: Published) -> None:
    setup = await published()
    prepared = await setup.vmm.prepare_map(3)
    assert len(list(setup.gpu.board.mmu.tables(setup.root.address))) == 1
    assert len(setup.vmm.pt_pages) == FORMATS[setup.vmm.mmu_version].pde_level_count
    await setup.vmm.execute_map(prepared, setup.pfns(3), writable=False)
    assert len(setup.vmm.pt_pages) == 0
    assert len(setup.leaves()) == 3


async def test_execute_reads_every_level_for_every_page(published: Published) -> None:
    setup = await published()
    levels = FORMATS[setup.vmm.mmu_version].pde_level_count
    prepared = await setup.vmm.prepare_map(32)
    quiet = setup.gpu.board.traffic.snapshot()
    await setup.gpu.mm.tlb.flush(0)
    polls = (setup.gpu.board.traffic - quiet).reads

    before = setup.gpu.board.traffic.snapshot()
    await setup.vmm.execute_map(prepared, setup.pfns(32), writable=True)
    spent = setup.gpu.board.traffic - before
    assert spent.reads - polls == 32 * (levels + 2)  # both words of the dual entry, and the leaf
    assert spent.writes - spent.window_writes == (levels + 1) + 32 + FLUSH_WRITES
    assert spent.flushes == 1


async def test_tables_are_kept_after_unmap_and_freed_with_the_vmm(published: Published) -> None:
    setup = await published()
    before = await setup.gpu.mm.buddy.avail()
    mapped = await setup.vmm.map_pages(setup.pfns(1), writable=True)
    pending = await setup.vmm.prepare_map(1, range(1 << 30, (1 << 30) + PAGE_SIZE))
    await setup.vmm.unmap_pages(mapped)
    assert await setup.gpu.mm.buddy.avail() < before
    await pending.drop()
    await setup.vmm.drop()
    assert await setup.gpu.mm.buddy.avail() == before
    assert await setup.free_tables() != []  # the root was not told


async def test_strictly_alternating_prepares_and_executes_never_run_out_of_places(published: Published) -> None:
    setup = await published()
    for region in range(12):
        start = region * (512 << 20)
        await setup.vmm.map_pages(setup.pfns(1), range(start, start + PAGE_SIZE), writable=True)
    assert len(setup.leaves()) == 12


async def test_arguments_are_checked(published: Published) -> None:
    vmm = (await published()).vmm
    with pytest.raises(EINVAL, match="0 pages"):
        await vmm.prepare_map(0)
    with pytest.raises(EINVAL, match="no pages"):
        await vmm.map_pages([], writable=True)
    with pytest.raises(EOVERFLOW):
        await vmm.prepare_map(1 << 60)
    with pytest.raises(EOVERFLOW):
        await vmm.prepare_map(1, range(PAGE_SIZE, 0))
    with pytest.raises(EINVAL, match="holds them"):
        await vmm.map_pages([1, 2], range(PAGE_SIZE), writable=True)


async def test_b10_a_range_larger_than_needed_passes_the_first_check_and_fails_the_second(published: Published) -> None:
    vmm = (await published()).vmm
    with pytest.raises(EINVAL, match="a range of 0x1000 bytes"):
        await vmm.map_pages([1], range(2 * PAGE_SIZE), writable=True)


async def test_the_callers_lock_is_held_for_the_whole_of_each_call(published: Published) -> None:
    setup = await published()
    lock: Mutex[None] = setup.gpu.kernel.private_mutex("whole vmm", None)
    vmm = setup.another("locked", exclusive=lock)
    held = []
    flush = setup.gpu.mm.tlb.flush

    async def watched(pdb: int) -> None:
        held.append(lock.held)
        await flush(pdb)

    setup.gpu.mm.tlb.flush = watched
    mapped = await vmm.map_pages(setup.pfns(1), writable=True)
    await vmm.unmap_pages(mapped)
    assert held == [True, True]
    assert not lock.held


class FailsTheNth:
    """Host memory that has none for the ``nth`` request."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    async def __call__(self, gfp: object, what: str) -> None:
        self.left -= 1
        if not self.left:
            raise ENOMEM(what)


async def test_whichever_allocation_fails_a_prepare_gives_its_addresses_back_and_keeps_its_pages(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await published()
    failures = 0
    for nth in range(1, 100):
        memory = FailsTheNth(nth)
        monkeypatch.setattr(setup.gpu.kernel.memory, "alloc", memory)
        try:
            await setup.vmm.prepare_map(1, range(PAGE_SIZE))
        except ENOMEM:
            failures += 1
            assert await setup.vmm._va.free_runs() == [(0, 8 << 30)]
            continue
        break
    assert failures > 4
    pages = len(setup.vmm.pt_pages)
    assert pages == FORMATS[setup.vmm.mmu_version].pde_level_count
    assert setup.gpu.mm.owners.by_owner()["client tables"] == pages
