from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from nova_async.address import KIB, MIB, PAGE_SIZE, Pfn, VramAddress
from nova_async.checks import Sanitizer, audit
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.lockdep import Gfp, Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu, MappedRange, Vmm
from nova_async.mm.frames import FrameOwners
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.page_tables import PageTables, Path, PtPage
from nova_async.mm.pagetable import FORMATS, EntryFormat
from nova_async.mm.pramin import PraminWindow
from nova_async.mm.regs import WindowRegister
from nova_async.mm.table_writer import TableWriter
from nova_async.mm.tlb import Tlb


@dataclass
class Watched:
    """A device with a sanitizer on it."""

    gpu: Gpu
    sanitizer: Sanitizer

    @property
    def codes(self) -> list[str]:
        """What the sanitizer has found, each code once."""
        return sorted({finding.code for finding in self.gpu.kernel.lockdep.findings})

    @property
    def said(self) -> str:
        """All messages."""
        return "\n".join(finding.message for finding in self.gpu.kernel.lockdep.findings)

    async def audited(self) -> list[str]:
        """What the audit finds, each code once."""
        return sorted({finding.code for finding in await audit(self.gpu)})

    @property
    def entries(self) -> EntryFormat:
        """The driver's entries for this chip."""
        return FORMATS[self.gpu.chipset.mmu_version]

    async def buffer(self, pages: int = 1) -> AllocatedBlocks:
        """VRAM of ``me``."""
        return await self.gpu.mm.alloc_vram(pages * PAGE_SIZE, owner="me")

    def frames(self, buffer: AllocatedBlocks) -> Sequence[Pfn]:
        """Its frames."""
        return [Pfn(frame) for run in buffer.frames() for frame in run]

    async def space(self, name: str = "space", pdb: int | None = None) -> Vmm:
        """An address space of ``me``, on a root of its own if none is given."""
        root = (await self.buffer()).address if pdb is None else pdb
        return self.gpu.vmm(VramAddress(root), 64 * KIB, name=name, owner="me")

    async def mapping(self, pages: int = 1) -> tuple[Vmm, MappedRange, AllocatedBlocks]:
        """A buffer, mapped in an address space of its own."""
        vmm, buffer = await self.space(), await self.buffer(pages)
        return vmm, await vmm.map_pages(self.frames(buffer), writable=True), buffer

    async def free(self, blocks: AllocatedBlocks) -> None:
        """Give VRAM back, and see it freed."""
        self.gpu.mm.free_vram(blocks)
        await self.gpu.mm.deferred.drain()

    @asynccontextmanager
    async def window(self, vmm: Vmm) -> AsyncIterator[PraminWindow]:
        """The window, with all locks that a write to the tables needs."""
        async with vmm._window() as (_, window):
            yield window


@pytest.fixture
def kernel(anyio_backend: str) -> Kernel:
    return Kernel(Validator(tasks_of(anyio_backend)))


@pytest.fixture
def plain(kernel: Kernel, anyio_backend: str) -> Gpu:
    """A device that nobody watches yet: of one page-table format on asyncio, of the other on trio."""
    chip = {"asyncio": "GA102", "trio": "GH100"}[anyio_backend]
    return Gpu.probe(kernel, Board(Chipset.named(chip), vram=8 * MIB, bar1=256 * KIB))


@pytest.fixture
def watched(plain: Gpu, anyio_backend: str) -> Watched:
    """A device with a sanitizer."""
    return Watched(plain, Sanitizer(plain, tasks_of(anyio_backend)).attach())


# Lines of the driver, each broken on purpose.


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


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Breaks a line of the driver, by the name of the function above."""
    lines: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
        line.__name__: line
        for line in (
            free_what_is_installed,
            retire_without_writing,
            write_one_entry_too_many,
            clear_one_entry_too_many,
            do_not_install,
            do_not_ask_whose,
            do_not_clear,
            do_not_flush,
            do_not_move_the_window,
            do_not_take_the_window,
            count_users_once,
            retire_what_is_promised,
            free_in_the_run_stage,
            allocate_first,
            allocate_under_the_window,
            do_not_wait_for_idle,
            forget_the_tables,
            do_not_restore,
            keep_the_pages,
        )
    }
    return lambda line: lines[line](monkeypatch)
