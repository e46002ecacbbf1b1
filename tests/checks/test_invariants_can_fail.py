"""For each invariant of hazards.md: one line of the driver broken on purpose, and exactly the finding that says so.

Each workload is clean with the driver as it is, so what is found is found because of the broken line.
"""

from array import array
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
from nova_async.lockdep import Gfp
from nova_async.mm import Vmm
from nova_async.mm.frames import FrameOwners
from nova_async.mm.page_tables import PageTables, Path, PtPage
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.regs import WindowRegister
from nova_async.mm.table_writer import TableWriter
from nova_async.mm.tlb import Tlb

Workload = Callable[[Any], Awaitable[None]]
Mutate = Callable[[pytest.MonkeyPatch], None]

FAR = 8 * MIB - 64 * KIB
"""In memory that firmware keeps."""


@dataclass(frozen=True)
class Mutation:
    """One broken line.

    Attributes:
        invariant: what it breaks.
        says: the line, in words.
        mutate: breaks it.
        workload: comes by.
        codes: what is found.
    """

    invariant: str
    says: str
    mutate: Mutate
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


# What is broken


def free_what_is_installed(patch: pytest.MonkeyPatch) -> None:
    def release(tables: PageTables, path: Path) -> list[Any]:
        tables.mappings -= 1
        return [page.alloc for page in path.pages if not page.alloc.given_back]

    patch.setattr(PageTables, "release", release)


def retire_without_writing(patch: pytest.MonkeyPatch) -> None:
    def take_out(page: PtPage, window: PraminWindow) -> None:
        page.installed = False

    patch.setattr(PtPage, "take_out", take_out)


def write_one_entry_too_many(patch: pytest.MonkeyPatch) -> None:
    write_run = PraminWindow.write_run

    def write_more(window: PraminWindow, address: int, words: "array[int]") -> None:
        write_run(window, address, words + words[-1:])

    patch.setattr(PraminWindow, "write_run", write_more)


def clear_one_entry_too_many(patch: pytest.MonkeyPatch) -> None:
    fill = PraminWindow.fill

    def clear_more(window: PraminWindow, address: int, count: int, value: int = 0) -> None:
        fill(window, address, count + (count == 1), value)

    patch.setattr(PraminWindow, "fill", clear_more)


def do_not_install(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PtPage, "install", lambda page, window, entry: None)


def do_not_ask_whose(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FrameOwners, "check", lambda owners, runs, owner: None)


def do_not_clear(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("nova_async.mm.table_writer._clear", lambda window, hold: None)


def do_not_flush(patch: pytest.MonkeyPatch) -> None:
    async def flush(tlb: Tlb, pdb: int) -> None:
        return None

    patch.setattr(Tlb, "flush", flush)


def do_not_move_the_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WindowRegister, "write_base", lambda register, bar0, base: None)


def do_not_take_the_window(patch: pytest.MonkeyPatch) -> None:
    async def enter(window: PraminWindow) -> PraminWindow:
        window._base._held = True
        return window

    async def leave(window: PraminWindow, *exc: object) -> None:
        return None

    patch.setattr(PraminWindow, "__aenter__", enter)
    patch.setattr(PraminWindow, "__aexit__", leave)


def count_users_once(patch: pytest.MonkeyPatch) -> None:
    claim = PageTables.claim

    def careless(tables: PageTables, *args: Any) -> Path | int:
        path = claim(tables, *args)
        if isinstance(path, Path):
            for page in path.pages:
                page.users = 1
        return path

    patch.setattr(PageTables, "claim", careless)


def retire_what_is_promised(patch: pytest.MonkeyPatch) -> None:
    retire = PageTables.retire_idle

    def all_of_them(tables: PageTables, window: PraminWindow, words: int) -> None:
        kept = {page: page.users for page in tables}
        for page in kept:
            page.users = 0
        retire(tables, window, words)
        for page, users in kept.items():
            page.users = users

    patch.setattr(PageTables, "retire_idle", all_of_them)
    patch.setattr(TableWriter, "_any_idle", _once())


def _once() -> Callable[[TableWriter], Awaitable[bool]]:
    asked: list[bool] = []

    async def any_idle(writer: TableWriter) -> bool:
        asked.append(True)
        return len(asked) == 1

    return any_idle


def free_in_the_run_stage(patch: pytest.MonkeyPatch) -> None:
    give_back = Vmm._give_back

    async def at_once(vmm: Vmm, mapping: Any) -> None:
        await give_back(vmm, mapping)
        await vmm._mm.deferred.drain()

    patch.setattr(Vmm, "_give_back", at_once)


def allocate_first(patch: pytest.MonkeyPatch) -> None:
    write = TableWriter.write

    async def careless(writer: TableWriter, *args: Any) -> None:
        await writer._mm.kernel.memory.alloc(Gfp.KERNEL, "a record")
        await write(writer, *args)

    patch.setattr(TableWriter, "write", careless)


def allocate_under_the_window(patch: pytest.MonkeyPatch) -> None:
    take_part = Vmm._take_part

    async def careless(vmm: Vmm, frames: range) -> Path:
        async with vmm._mm.pramin.window():
            await vmm._mm.kernel.memory.alloc(Gfp.KERNEL, "a record")
        return await take_part(vmm, frames)

    patch.setattr(Vmm, "_take_part", careless)


def do_not_wait_for_idle(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tlb, "_wait_idle", lambda tlb, pdb: None)


def forget_the_tables(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PageTables, "clear", lambda tables: [])


def do_not_restore(patch: pytest.MonkeyPatch) -> None:
    async def restore(writer: TableWriter, journal: object) -> None:
        return None

    patch.setattr(TableWriter, "restore", restore)


def keep_the_pages(patch: pytest.MonkeyPatch) -> None:
    release = PageTables.release

    def keep(tables: PageTables, path: Path) -> list[Any]:
        release(tables, path)
        return []

    patch.setattr(PageTables, "release", keep)


MUTATIONS = [
    Mutation("I1", "free tables that are installed", free_what_is_installed, use_and_unmap, ("NOVA301",)),
    Mutation("I1", "retire a table and leave its entry", retire_without_writing, retire, ("NOVA301",)),
    Mutation("I2", "write one entry too many", write_one_entry_too_many, map_once, ("NOVA302",)),
    Mutation("I2", "clear one entry too many", clear_one_entry_too_many, map_and_unmap, ("NOVA312",)),
    Mutation("I2", "write leaves into a table that is not installed", do_not_install, map_once, ("NOVA312",)),
    Mutation("I2", "map without asking whose frames", do_not_ask_whose, map_theirs, ("NOVA313",)),
    Mutation("I3", "give addresses back without clearing", do_not_clear, use_and_unmap, ("NOVA302",)),
    Mutation("I3", "give addresses back without a flush", do_not_flush, map_and_unmap, ("NOVA310",)),
    Mutation("I3", "and somebody has used them", do_not_flush, use_and_unmap, ("NOVA303",)),
    Mutation("I4", "remember a base and leave the register", do_not_move_the_window, look_far_away, ("NOVA304",)),
    Mutation("I4", "use the window without its lock", do_not_take_the_window, look_far_away, ("NOVA306",)),
    Mutation("I5", "count a shared table once", count_users_once, two_prepares, ("NOVA307",)),
    Mutation("I5", "retire a table that was found", retire_what_is_promised, found_by_a_prepare, ("NOVA307",)),
    Mutation("I6", "free to a buddy in the run stage", free_in_the_run_stage, bind_and_unbind, ("NOVA203",)),
    Mutation("I6", "allocate in execute", allocate_first, bind_and_unbind, ("NOVA202",)),
    Mutation("I6", "allocate under the window", allocate_under_the_window, bind_and_unbind, ("NOVA201",)),
    Mutation("I7", "flush while a flush is under way", do_not_wait_for_idle, map_and_unmap, ("NOVA308",)),
    Mutation("I8", "forget the tables at the end", forget_the_tables, live_and_end, ("NOVA305",)),
    Mutation("I9", "leave a failed execute as it is", do_not_restore, fail_to_execute, ("NOVA309",)),
    Mutation("I9", "keep the pages of an aborted prepare", keep_the_pages, prepare_and_abort, ("NOVA309",)),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: f"{each.invariant}: {each.says}")
async def test_a_broken_line_gives_its_finding_and_no_other(
    watched: Any, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    mutation.mutate(monkeypatch)
    await mutation.workload(watched)
    assert tuple(watched.codes) == mutation.codes, watched.said


@pytest.mark.parametrize(
    "workload", {mutation.workload: None for mutation in MUTATIONS}, ids=lambda each: each.__name__
)
async def test_with_nothing_broken_nothing_is_found(watched: Any, workload: Workload) -> None:
    await workload(watched)
    assert watched.codes == [], watched.said


def test_every_invariant_is_broken_and_every_check_of_it_has_found_something() -> None:
    assert [row.name for row in INVARIANTS] == [f"I{number}" for number in range(1, 10)]
    for row in INVARIANTS:
        found = {code for mutation in MUTATIONS if mutation.invariant == row.name for code in mutation.codes}
        assert found <= set(row.codes), row.name
        assert set(row.codes) - found <= FOUND_ELSEWHERE, row.name


FOUND_ELSEWHERE = {"NOVA306", "NOVA311"}
"""Broken by the tests of their own rules."""
