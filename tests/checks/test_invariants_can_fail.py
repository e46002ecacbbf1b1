"""For each invariant of hazards.md: one line of the driver broken on purpose, and exactly the finding that says so.

Each workload is clean with the driver as it is, so what is found is found because of the broken line.
"""

import pathlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from nova_async.address import KIB, MIB, PAGE_SIZE
from nova_async.checks import close_accounts
from nova_async.checks.invariants import INVARIANTS
from nova_async.clients import Vm
from nova_async.errors import EPERM, ETIMEDOUT
from nova_async.hw.mmu import Access
from nova_async.scenario.discovery import discover
from nova_async.scenario.exploring import Explored, Plan, explore_scenario

Workload = Callable[[Any], Awaitable[None]]
Broken = Callable[[str], None]

FULLY = Plan()
"""Every order, with nothing injected."""
OURS = {each.name: each for each in discover([str(pathlib.Path(__file__).parents[2] / "scenarios" / "hazards")])}

FAR = 8 * MIB - 64 * KIB
"""In memory that firmware keeps."""


@dataclass(frozen=True)
class Mutation:
    """One broken line.

    Attributes:
        invariant: what it breaks.
        says: the line, in words.
        line: its name in conftest.py, where it is broken.
        workload: comes by.
        codes: what is found.
    """

    invariant: str
    says: str
    line: str
    workload: Workload
    codes: tuple[str, ...]


# Workloads


async def map_and_unmap(watched: Any) -> None:
    """Two neighbours; the first is used and unmapped while the second is live."""
    vmm, frames = await watched.space(), watched.frames(await watched.buffer(pages=2))
    first = await vmm.map_pages(frames[:1], range(PAGE_SIZE), writable=True)
    second = await vmm.map_pages(frames[1:], range(PAGE_SIZE, 2 * PAGE_SIZE), writable=True)
    await vmm.unmap_pages(first)
    await watched.gpu.mm.deferred.drain()
    await vmm.unmap_pages(second)
    await watched.gpu.mm.deferred.drain()


async def use_and_unmap(watched: Any) -> None:
    """As before, and some engine has used the range."""
    vmm, mapped, _ = await watched.mapping()
    watched.gpu.board.mmu.translate(vmm.pdb_addr, mapped.vfn_start << 12, Access.READ)
    await vmm.unmap_pages(mapped)
    await watched.gpu.mm.deferred.drain()


async def map_once(watched: Any) -> None:
    """One mapping, which stays."""
    await watched.mapping()


async def map_theirs(watched: Any) -> None:
    """Frames of somebody else, which is refused."""
    vmm, theirs = await watched.space(), await watched.gpu.mm.alloc_vram(PAGE_SIZE, owner="other")
    with suppress(EPERM):
        await vmm.map_pages(watched.frames(theirs), writable=True)


async def retire(watched: Any) -> None:
    """Tables that nobody needs any more."""
    vmm, mapped, _ = await watched.mapping()
    await vmm.unmap_pages(mapped)
    await vmm.reclaim_tables()
    await watched.gpu.mm.deferred.drain()


async def look_far_away(watched: Any) -> None:
    """One access that needs the window elsewhere."""
    async with watched.gpu.mm.pramin.window() as window:
        window.try_read64(FAR)


async def two_prepares(watched: Any) -> None:
    """They share tables, and the first is aborted."""
    vmm = await watched.space()
    first, second = [await vmm.prepare_map(1) for _ in range(2)]
    await vmm.abort(first)
    await watched.gpu.mm.deferred.drain()
    await vmm.abort(second)


async def found_by_a_prepare(watched: Any) -> None:
    """Tables are there, a prepare counts on them, and they are reclaimed."""
    vmm, mapped, _ = await watched.mapping()
    await vmm.unmap_pages(mapped)
    prepared = await vmm.prepare_map(1)
    await vmm.reclaim_tables()
    await watched.gpu.mm.deferred.drain()
    assert prepared.tables


async def bind_and_unbind(watched: Any) -> None:
    """In the run stage of a queue."""
    frames = watched.frames(await watched.gpu.mm.alloc_vram(PAGE_SIZE, owner="vm"))
    async with Vm(watched.gpu, "vm", pages=64) as vm:
        job, bound = await vm.bind(frames, owner="vm")
        await bound.wait()
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()


async def fail_to_execute(watched: Any) -> None:
    """The TLB does not answer the first time it is asked."""
    vmm, frames = await watched.space(), watched.frames(await watched.buffer())
    prepared = await vmm.prepare_map(1)
    flush, asked = watched.gpu.mm.tlb.flush, []

    async def late(pdb: int) -> None:
        asked.append(pdb)
        if len(asked) == 1:
            raise ETIMEDOUT("tlb")
        await flush(pdb)

    watched.gpu.mm.tlb.flush = late
    with pytest.raises(ETIMEDOUT):
        await vmm.execute_map(prepared, frames, writable=True)


async def prepare_and_abort(watched: Any) -> None:
    """Nothing else."""
    vmm = await watched.space()
    await vmm.abort(await vmm.prepare_map(1))


async def live_and_end(watched: Any) -> None:
    """A whole life, and the accounts of the device."""
    root, buffer = await watched.buffer(), await watched.buffer()
    vmm = await watched.space(pdb=root.address)
    await vmm.unmap_pages(await vmm.map_pages(watched.frames(buffer), writable=True))
    await vmm.close()
    for blocks in (buffer, root):
        watched.gpu.mm.free_vram(blocks)
    for finding in await close_accounts(watched.gpu):
        watched.gpu.kernel.lockdep.report(finding)


MUTATIONS = [
    Mutation("I1", "free tables that are installed", "free_what_is_installed", use_and_unmap, ("NOVA301",)),
    Mutation("I1", "retire a table and leave its entry", "retire_without_writing", retire, ("NOVA301",)),
    Mutation("I2", "write one entry too many", "write_one_entry_too_many", map_once, ("NOVA302",)),
    Mutation("I2", "clear one entry too many", "clear_one_entry_too_many", map_and_unmap, ("NOVA312",)),
    Mutation("I2", "write leaves into a table that is not installed", "do_not_install", map_once, ("NOVA312",)),
    Mutation("I2", "map without asking whose frames", "do_not_ask_whose", map_theirs, ("NOVA313",)),
    Mutation("I3", "give addresses back without clearing", "do_not_clear", use_and_unmap, ("NOVA302",)),
    Mutation("I3", "give addresses back without a flush", "do_not_flush", map_and_unmap, ("NOVA310",)),
    Mutation("I3", "and somebody has used them", "do_not_flush", use_and_unmap, ("NOVA303",)),
    Mutation("I4", "remember a base and leave the register", "do_not_move_the_window", look_far_away, ("NOVA304",)),
    Mutation("I4", "use the window without its lock", "do_not_take_the_window", look_far_away, ("NOVA306",)),
    Mutation("I5", "count a shared table once", "count_users_once", two_prepares, ("NOVA307",)),
    Mutation("I5", "retire a table that was found", "retire_what_is_promised", found_by_a_prepare, ("NOVA307",)),
    Mutation("I6", "free to a buddy in the run stage", "free_in_the_run_stage", bind_and_unbind, ("NOVA203",)),
    Mutation("I6", "allocate in execute", "allocate_first", bind_and_unbind, ("NOVA202",)),
    Mutation("I6", "allocate under the window", "allocate_under_the_window", bind_and_unbind, ("NOVA201",)),
    Mutation("I7", "flush while a flush is under way", "do_not_wait_for_idle", map_and_unmap, ("NOVA308",)),
    Mutation("I8", "forget the tables at the end", "forget_the_tables", live_and_end, ("NOVA305",)),
    Mutation("I9", "leave a failed execute as it is", "do_not_restore", fail_to_execute, ("NOVA309",)),
    Mutation("I9", "keep the pages of an aborted prepare", "keep_the_pages", prepare_and_abort, ("NOVA309",)),
]
EXPLORED = {
    "one_slot_two_prepares_ours": (
        "free tables that are installed",
        "write one entry too many",
        "write leaves into a table that is not installed",
        "give addresses back without a flush",
        "use the window without its lock",
        "allocate under the window",
        "forget the tables at the end",
    ),
    "table_reclaimed_ours": (
        "retire a table and leave its entry",
        "clear one entry too many",
        "retire a table that was found",
    ),
    "foreign_frames_ours": ("map without asking whose frames",),
    "exclusive_vmm_ours": ("give addresses back without clearing", "allocate in execute"),
    "live_page_overwritten_ours": ("and somebody has used them",),
    "two_windows_ours": ("remember a base and leave the register",),
    "dropped_prepare_ours": ("count a shared table once", "keep the pages of an aborted prepare"),
    "free_in_fence_path_ours": ("free to a buddy in the run stage",),
    "flushes_interleave_ours": ("flush while a flush is under way",),
    "execute_fails_midway_ours": ("leave a failed execute as it is",),
}
"""Which hazard scenario of ours, clean as it is, finds which of them when it is explored."""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: f"{each.invariant}: {each.says}")
async def test_a_broken_line_gives_its_finding_and_no_other(watched: Any, broken: Broken, mutation: Mutation) -> None:
    broken(mutation.line)
    await mutation.workload(watched)
    assert tuple(watched.codes) == mutation.codes, watched.said


@pytest.mark.parametrize(
    "workload", {mutation.workload: None for mutation in MUTATIONS}, ids=lambda each: each.__name__
)
async def test_with_nothing_broken_nothing_is_found(watched: Any, workload: Workload) -> None:
    await workload(watched)
    assert watched.codes == [], watched.said


def explored(name: str, plan: Plan = FULLY) -> Explored:
    return explore_scenario(OURS[name], {}, plan, shrink_seconds=0)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: f"{each.invariant}: {each.says}")
def test_an_exploration_of_ours_finds_the_broken_line(broken: Broken, mutation: Mutation) -> None:
    (name,) = (name for name, found in EXPLORED.items() if mutation.says in found)
    broken(mutation.line)
    found = explored(name, Plan(stop_at_first=True)).found
    assert set(mutation.codes) <= set(found)


@pytest.mark.parametrize("name", EXPLORED)
def test_an_exploration_of_ours_with_nothing_broken_finds_nothing(name: str) -> None:
    result = explored(name)
    assert result.met, (result.found, result.errors)
    assert result.result.complete


@pytest.mark.parametrize("plan", [Plan(kill=("*",)), Plan(fail=("tlb",))], ids=["kills", "failures"])
def test_a_line_for_kills_and_failures_is_found_where_there_are_some(broken: Broken, plan: Plan) -> None:
    broken("do_not_restore")
    assert explored("dropped_prepare_ours").found == ()
    assert "NOVA309" in explored("dropped_prepare_ours", plan).found


def test_every_invariant_is_broken_and_every_check_of_it_has_found_something() -> None:
    assert [row.name for row in INVARIANTS] == [f"I{number}" for number in range(1, 10)]
    for row in INVARIANTS:
        found = {code for mutation in MUTATIONS if mutation.invariant == row.name for code in mutation.codes}
        assert found <= set(row.codes), row.name
        assert set(row.codes) - found <= FOUND_ELSEWHERE, row.name


FOUND_ELSEWHERE = {"NOVA306", "NOVA311"}
"""Broken by the tests of their own rules."""
