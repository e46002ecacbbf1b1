"""NOVA310: used for something else before the TLB was told; and the same things in the right order."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, VramAddress
from nova_async.checks.telling import TLB
from nova_async.clients.address_space import address_space
from nova_async.clients.forcing import buffer, touch
from nova_async.explore import Execution, explore
from nova_async.explore.strategies import Exhaustive
from nova_async.findings import Severity
from nova_async.hw.mmu import Access, MmuFault
from nova_async.mm import Gpu, MappedRange, Vmm
from nova_async.mm.published import Vmm as PublishedVmm
from nova_async.mm.tlb import Tlb
from nova_async.operation import Kind, Operation
from nova_async.point import point
from nova_async.scenario import World


async def published(watched: Any) -> PublishedVmm:
    root = await watched.buffer()
    version = watched.gpu.chipset.mmu_version
    return PublishedVmm(watched.gpu.mm, VramAddress(root.address), version, 64 * PAGE_SIZE, name="space", owner="me")


async def no_flush(pdb: int) -> None:
    return None


async def test_a_valid_entry_overwritten_with_another_is_310(watched: Any) -> None:
    vmm, frames = await published(watched), watched.frames(await watched.buffer(pages=2))
    await vmm.prepare_map(1, range(PAGE_SIZE))
    mapped = await vmm.map_pages(frames[:1], range(PAGE_SIZE, 2 * PAGE_SIZE), writable=True)
    space = watched.sanitizer.tables.spaces[vmm.pdb_addr]
    space.live.cut(mapped.frames)  # as with a driver that says nothing of its ranges
    async with watched.gpu.mm.pramin.window() as window:
        leaf = next(iter(space.root.leaves_in(mapped.frames)))
        entry = leaf.node.table.address + 8 * leaf.index
        window.try_write64(entry, leaf.word)
        assert watched.codes == []  # the same entry again is no change
        window.try_write64(entry, watched.entries.pte(frames[1], writable=True))
    assert watched.codes == ["NOVA310"]
    assert "overwrites the valid entry of 0x1000 of space" in watched.said


async def test_an_entry_cleared_and_written_again_without_an_invalidate_is_310(watched: Any) -> None:
    vmm, mapped, buffer = await watched.mapping()
    watched.sanitizer.tables.spaces[vmm.pdb_addr].live.cut(mapped.frames)
    entry, word = mapped.path.leaves[0].pte_addr, watched.entries.pte(watched.frames(buffer)[0], writable=True)
    async with watched.window(vmm) as window:
        window.try_write64(entry, 0)
    await watched.gpu.mm.tlb.flush(vmm.pdb_addr)
    async with watched.window(vmm) as window:
        window.try_write64(entry, word)
        assert watched.codes == []
        window.try_write64(entry, 0)
        window.try_write64(entry, word)
    assert watched.codes == ["NOVA310"]
    assert "valid again" in watched.said


@pytest.mark.parametrize("touched", [False, True])
async def test_frames_freed_before_the_invalidate_are_310_or_303_if_the_tlb_has_them(
    watched: Any, monkeypatch: Any, touched: bool
) -> None:
    vmm, mapped, buffer = await watched.mapping()
    if touched:
        watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.unmap_pages(mapped)
    monkeypatch.undo()
    await watched.gpu.mm.buddy.free(buffer)
    assert watched.codes == ["NOVA303" if touched else "NOVA310"]
    assert watched.gpu.kernel.lockdep.findings[0].severity is Severity.POSSIBLE


async def test_a_table_freed_before_the_invalidate_is_310(watched: Any, monkeypatch: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    await vmm.unmap_pages(mapped)
    monkeypatch.setattr(watched.gpu.mm.tlb, "flush", no_flush)
    await vmm.reclaim_tables()
    assert watched.codes == []
    await watched.gpu.mm.deferred.drain()
    assert watched.codes == ["NOVA310"]
    assert "frees the table page" in watched.said


async def test_an_invalidate_of_everybody_counts_and_one_of_another_space_does_not(watched: Any) -> None:
    vmm, mapped, _ = await watched.mapping()
    changes, space = watched.sanitizer._changes, watched.sanitizer.tables.spaces[vmm.pdb_addr]
    for pdb, told in ((None, 0), (vmm.pdb_addr, 0), (vmm.pdb_addr + PAGE_SIZE, 1)):
        changes.gone(vmm.pdb_addr, "space", mapped.frames, range(0))
        watched.sanitizer.invalidated(pdb)
        changes.addresses_freed(vmm.pdb_addr, space.name, mapped.frames)
        assert len(watched.gpu.kernel.lockdep.findings) == told


# Under an explorer, which takes the TLB to be transparent until it is told otherwise.


@dataclass
class Mapping:
    """One page that is mapped, and what is done to it."""

    gpu: Gpu
    vmm: Vmm
    mapped: MappedRange

    async def use(self) -> None:
        """An engine goes through it."""
        await point(Operation(Kind.READ, "engine"))
        with suppress(MmuFault):
            touch(self.gpu, self.vmm.pdb_addr, self.mapped.vfn_start << PAGE_SHIFT)

    async def unmap(self) -> None:
        await self.vmm.unmap_pages(self.mapped)

    async def flush(self) -> None:
        await Tlb.flush(self.gpu.mm.tlb, self.vmm.pdb_addr)

    async def together(self, *bodies: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with anyio.create_task_group() as tasks:
            for body in bodies:
                tasks.start_soon(body, name=body.__name__)


async def used_before(mapping: Mapping) -> None:
    await mapping.use()
    await mapping.unmap()


async def flushed_by_another_as_well(mapping: Mapping) -> None:
    await mapping.use()
    await mapping.together(mapping.unmap, mapping.flush)


async def used_meanwhile(mapping: Mapping) -> None:
    await mapping.together(mapping.unmap, mapping.use)


async def used_before_and_meanwhile(mapping: Mapping) -> None:
    await mapping.use()
    await mapping.together(mapping.unmap, mapping.use)


async def flushed_for_him(mapping: Mapping) -> None:
    mapping.gpu.mm.tlb.flush = lambda pdb: mapping.together(mapping.flush)  # type: ignore[method-assign]
    await mapping.unmap()


async def flushed_by_another_only(mapping: Mapping) -> None:
    mapping.gpu.mm.tlb.flush = no_flush  # type: ignore[method-assign]
    await mapping.together(mapping.unmap, mapping.flush)


async def flushed_by_nobody(mapping: Mapping) -> None:
    mapping.gpu.mm.tlb.flush = no_flush  # type: ignore[method-assign]
    await mapping.unmap()


def explored(body: Callable[[Mapping], Awaitable[None]]) -> tuple[set[str], set[str]]:
    """The caches that turned out to matter, and the codes found in any order."""
    worlds: list[World] = []
    found: set[str] = set()

    async def once() -> None:
        worlds[:] = [World(scenario="test", seed=0, backend="asyncio")]
        async with worlds[0] as world:
            gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
            async with buffer(gpu, 1) as frames, address_space(gpu, "vm", 16) as vmm:
                await body(Mapping(gpu, vmm, await vmm.map_pages(frames, writable=True)))

    def judge(_: Execution) -> tuple[()]:
        found.update(finding.code for finding in worlds[0].findings)
        return ()

    strategy = Exhaustive(persistent_sets=True, forget_ended=True)
    result = explore(once, strategy=strategy, max_seconds=30, judge=judge)
    assert result.failures == ()
    assert result.complete, result.incomplete_because
    return set(strategy.opaque or ()), found


@pytest.mark.parametrize("body", [used_before, flushed_by_another_as_well])
def test_the_tlb_stays_transparent_as_long_as_who_takes_out_flushes_before_anybody_looks(
    body: Callable[[Mapping], Awaitable[None]],
) -> None:
    assert explored(body) == (set(), set())


def test_a_use_between_the_clear_of_another_and_his_flush_makes_the_tlb_opaque() -> None:
    assert explored(used_meanwhile) == ({TLB}, set())  # the TLB knows nothing, but it could


def test_a_use_of_what_is_cleared_and_not_flushed_is_303_in_the_order_in_which_it_is() -> None:
    assert explored(used_before_and_meanwhile) == ({TLB}, {"NOVA303"})


def test_who_has_another_flush_for_him_makes_it_opaque_although_nothing_is_wrong() -> None:
    assert explored(flushed_for_him) == ({TLB}, set())


@pytest.mark.parametrize("body", [flushed_by_another_only, flushed_by_nobody])
def test_who_takes_out_and_does_not_flush_makes_it_opaque_and_is_found(
    body: Callable[[Mapping], Awaitable[None]],
) -> None:
    opaque, found = explored(body)
    assert opaque == {TLB}
    assert "NOVA310" in found
