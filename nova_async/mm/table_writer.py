"""Every change to the tables of one Vmm that the GPU can see, in holds of the window that others can wait for.

Between two holds both locks are let go, so that others get in: who uses the window for something else, and who shares
this Vmm. What they then see of a mapping that is half written is what they see of one whose flush is still to come:

* a page that is installed is in the books with its users, and whoever comes in between takes part in it;
* the leaves lie at addresses that are nobody else's, and nobody has been told that they can be used;
* the journal knows what is done, so that a failure or a cancellation at any hold takes exactly that back.
"""

from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import anyio

from nova_async.kernel import Mutex, MutexGuard
from nova_async.mm.gpu_mm import GpuMm
from nova_async.mm.holds import READ_COST, Part, holds
from nova_async.mm.mapping import Journal
from nova_async.mm.page_tables import Leaf, PageTables, Path, PtPage, check_vacant
from nova_async.mm.pramin import PraminWindow
from nova_async.operation import Access
from nova_async.point import forgetting, observe_guarded


class TableWriter:
    """Writes the tables of one Vmm.

    Args:
        mm: whose window and TLB.
        pdb: the root.
        tables: the books, and the lock of the tables.
    """

    def __init__(self, mm: GpuMm, pdb: int, tables: Mutex[PageTables]) -> None:
        self._mm = mm
        self._pdb = pdb
        self._tables = tables

    @asynccontextmanager
    async def window(self, access: Access = Access.WRITE) -> AsyncIterator[tuple[PageTables, PraminWindow]]:
        """Both locks that a change of the tables needs, in their order.

        Args:
            access: what is done to the tables as a whole, apart from what is told of each page: ADD, where the caller
                only comes or goes, or changes what is his own.

        Between the two nobody can change what the first one guards, so all that others do then they might as well do
        before: both are taken in one step, if the second is free.
        """
        guard: MutexGuard[PageTables]
        async with self._tables.lock() as guard, self._mm.pramin.window(private=True) as window:
            guard.access = access
            yield guard.data, window

    async def flush(self) -> None:
        """Let the TLB forget this address space.

        Raises:
            ETIMEDOUT: it did not answer.
        """
        await self._mm.tlb.flush(self._pdb)

    async def write(self, path: Path, entries: "array[int]", journal: Journal) -> None:
        """Install what is missing of a path, write the leaves, and flush.

        Args:
            path: the tables of the mapping.
            entries: for its leaves, in order.
            journal: is told of every change before it is made.

        Raises:
            EIO: the device did not answer.
            ETIMEDOUT: the TLB did not.
        """
        done = 0
        with forgetting():  # once it is written, who installed which page is no matter to anybody
            for hold in self._holds([*path.pages, *path.leaves]):
                async with self.window(Access.ADD) as (tables, window):
                    for part in hold:
                        if isinstance(part, Leaf):
                            journal.leaves.append(part)
                            window.write_run(part.pte_addr, entries[done : done + len(part.frames)])
                            done += len(part.frames)
                        else:
                            _install(tables, window, part, journal)
            await self.flush()

    async def clear(self, leaves: Sequence[Leaf]) -> None:
        """Make leaves invalid, and flush.

        Raises:
            EIO: the device did not answer; some are invalid.
            ETIMEDOUT: the TLB did not; all are.
        """
        for hold in self._holds(leaves):
            async with self.window(Access.ADD) as (_, window):
                _clear(window, hold)
        await self.flush()

    async def restore(self, journal: Journal) -> None:
        """Take back what a journal knows: the leaves, and the pages that nobody else relies on by now.

        Raises:
            EIO: the device did not answer; the journal is as it was, and this can be tried again.
            ETIMEDOUT: the TLB did not; likewise.
        """
        if not journal.leaves and not journal.installed:
            return
        for hold in self._holds([*journal.leaves, *reversed(journal.installed)]):
            async with self.window() as (tables, window):
                _clear(window, hold)
                for page in hold:
                    if isinstance(page, PtPage):
                        _take_out(tables, window, page)
        await self.flush()
        journal.leaves.clear()
        journal.installed.clear()

    async def check_vacant(self, leaves: Sequence[Leaf]) -> None:
        """Look into tables that somebody else made: nothing may be mapped there.

        Raises:
            EEXIST: something is.
            EIO: the device did not answer.
        """
        for hold in self._holds(leaves, READ_COST):
            async with self._mm.pramin.window() as window:
                for leaf in hold:
                    if isinstance(leaf, Leaf):
                        check_vacant(window, leaf)

    async def reclaim(self) -> int:
        """Take out the pages that nobody needs, flush, and put them on the deferred list.

        Not for the fence path, although nothing here would be forbidden in it: who allocates is outside of it. A page
        goes to the list only after the flush, so that no walk of the GPU that began earlier can still be in it. What
        could not be flushed stays retired, for the next one who tries.

        Returns:
            How many pages.

        Raises:
            EIO: the device did not answer.
            ETIMEDOUT: the TLB did not.
        """
        freed = 0
        with anyio.CancelScope(shield=True):
            while await self._any_idle():
                async with self.window() as (tables, window):
                    tables.retire_idle(window, self._mm.words_per_hold)
            freed += await self._free_retired()
        return freed

    async def _any_idle(self) -> bool:
        guard: MutexGuard[PageTables]
        async with self._tables.lock() as guard:
            guard.access = Access.READ
            observe_guarded(bool(guard.data.idle))
            return bool(guard.data.idle)

    async def _free_retired(self) -> int:
        guard: MutexGuard[PageTables]
        async with self._tables.lock() as guard:
            observe_guarded(bool(guard.data.retired))
            if not guard.data.retired:
                return 0
            await self.flush()
            retired = guard.data.take_retired()
        for page in retired:
            self._mm.deferred.defer(page)
        return len(retired)

    def _holds(self, parts: Sequence[Part], cost: int = 1) -> Iterator[list[Part]]:
        return holds(parts, max(1, self._mm.words_per_hold // cost))


def _install(tables: PageTables, window: PraminWindow, page: PtPage, journal: Journal) -> None:
    observe_guarded(page.installed)
    tables.tell(page, Access.ADD if page.installed else Access.WRITE)
    if not page.installed:
        journal.installed.append(page)
        page.install(window, tables.entry(page))


def _take_out(tables: PageTables, window: PraminWindow, page: PtPage) -> None:
    """Unless others have come since: through the page, or with pages of their own below it."""
    tables.tell(page, Access.WRITE)
    unneeded = page.users == 1 and not page.installed_below
    observe_guarded(unneeded)
    if unneeded:
        page.take_out(window)


def _clear(window: PraminWindow, hold: Sequence[Part]) -> None:
    for part in hold:
        if isinstance(part, Leaf):
            window.fill(part.pte_addr, len(part.frames))
