"""The table pages of one address space: what is installed, what is prepared, and who needs which.

Guarded by the page-table lock of the Vmm. A page has one slot, the entry that points to it or will. Many mappings may
need the same page: each counts in ``users``, from its prepare to its abort or unmap. So two prepares that race for one
slot share the page, an abort takes away only what nobody else needs, and what an execute installs stays valid for all.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from sortedcontainers import SortedDict

from nova_async.address import PAGE_SHIFT, PAGE_SIZE, VramAddress
from nova_async.errors import EEXIST, EINVAL, EIO
from nova_async.hw.bus import is_error_pattern
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.pagetable.format import PTE_VALID, EntryFormat, Level
from nova_async.mm.pagetable.walk import read_entry
from nova_async.mm.pramin import PraminWindow
from nova_async.operation import Access
from nova_async.point import observe_guarded, share, touch


@dataclass(slots=True, eq=False)
class PtPage:
    """A zeroed table page, prepared for one slot and perhaps installed there.

    Attributes:
        slot: the address of the entry that points to it (the driver's ``install_addr``).
        level: the level that holds the slot.
        alloc: the VRAM of the page.
        before: what the slot held when the page was prepared; put back when it is taken out.
        place: the slot, by the way that leads to it from the root.
        parent: the page of this Vmm that the slot lies in; None if it lies in a table that somebody else made.
        users: pending prepares and live mappings that lead through it. Never fewer than those of a page below it.
        installed: the slot points to it.
        installed_below: how many pages are installed in it.
    """

    slot: int
    level: Level
    alloc: AllocatedBlocks
    before: int
    place: str
    parent: "PtPage | None" = None
    users: int = 0
    installed: bool = False
    installed_below: int = 0

    @property
    def address(self) -> int:
        """The page's VRAM address."""
        return self.alloc.address

    @property
    def reachable(self) -> bool:
        """Whether the way to it is installed up to a table that somebody else made."""
        page: PtPage | None = self
        while page is not None and page.installed:
            page = page.parent
        return page is None

    def fingerprint(self) -> Hashable:
        """Whose it is, who needs it, and whether it is there."""
        return self.alloc.fingerprint(), self.before, self.users, self.installed

    def install(self, window: PraminWindow, entry: int) -> None:
        """Let the slot point to it, if it does not yet.

        Raises:
            EIO: the device did not answer. It is not installed for those who share it; whoever tried takes it out.
        """
        if self.installed:
            return
        window.try_write64(self.slot, entry)
        self.installed = True
        if self.parent is not None:
            self.parent.installed_below += 1

    def take_out(self, window: PraminWindow) -> None:
        """Let the slot hold again what it held before.

        Raises:
            EIO: the device did not answer; all is as it was.
        """
        window.try_write64(self.slot, self.before)
        if self.installed and self.parent is not None:
            self.parent.installed_below -= 1
        self.installed = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf table and the virtual frames of one mapping in it."""

    table: int
    frames: range

    @property
    def pte_addr(self) -> int:
        """Where the entry of the first frame is."""
        return self.table + (self.frames.start % 512) * 8


@dataclass(slots=True)
class Path:
    """The way of one mapping through the tables: pages of this Vmm, and the leaf tables.

    Attributes:
        pages: each behind the one above it.
        leaves: ascending.
        found: those leaves that lie in tables which somebody else made, and may hold entries.
    """

    pages: list[PtPage] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    found: list[Leaf] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table on the way down; if this Vmm made its page, its content is known without reading."""

    address: int
    frames: range
    page: PtPage | None


@dataclass(frozen=True, slots=True)
class _Gap:
    """A slot that points nowhere, the frames that need it, and the page of this Vmm that it lies in."""

    slot: int
    depth: int
    frames: range
    before: int
    parent: PtPage | None


class PageTables:
    """All table pages of one Vmm but the root, which its maker supplies.

    An explorer is told of each page by itself: who uses tables that are there does not come into the way of others who
    do. What all pages have in common is told by the lock.

    Args:
        name: for that.
        pdb: the address of the root.
        entries: the format of its entries.

    Attributes:
        closed: no more mappings.
        mappings: how many are pending or live.
        idle: how many pages are installed and needed by nobody.
        retired: pages that were taken out; they may be freed once the TLB was flushed.
    """

    def __init__(self, name: str, pdb: int, entries: EntryFormat) -> None:
        self._name = name
        self._pdb = pdb
        self._format = entries
        self._by_slot: SortedDict[int, PtPage] = SortedDict()
        self.closed = False
        self.mappings = 0
        self.idle = 0
        self.retired: list[AllocatedBlocks] = []

    def __iter__(self) -> Iterator[PtPage]:
        return iter(self._by_slot.values())

    def __len__(self) -> int:
        return len(self._by_slot)

    def fingerprint(self) -> Hashable:
        """Everything but the pages."""
        return self.closed, self.mappings, frozenset(page.fingerprint() for page in self.retired)

    def tell(self, page: PtPage, access: Access) -> None:
        """Tell of what is done to one page; to come or to go is to be written."""
        name = f"{self._name} at {page.place}"
        touch(name, access)
        share(name, page.fingerprint if page.slot in self._by_slot else None, access)

    def claim(self, window: PraminWindow, frames: range, pool: list[AllocatedBlocks]) -> Path | int:
        """Take part in all tables that ``frames`` needs, with pages from the pool for those that are missing.

        Args:
            window: for the entries of tables that this Vmm did not make.
            frames: virtual frames.
            pool: zeroed pages; what is used is taken from it.

        Returns:
            The path, or how many pages the pool is short of; then nothing has changed.

        Raises:
            EEXIST: somebody else, firmware as a rule, has mapped something there.
            EIO: an entry could not be read.
        """
        if self.closed:
            raise EINVAL(f"page tables at {self._pdb:#x}: prepare_map after close")
        path, gaps = self._survey(window, frames)
        short = sum(self._pages_for(gap) for gap in gaps) - len(pool)
        if short > 0:
            observe_guarded(short)
            return short
        for gap in gaps:
            self._grow(gap, pool, path)
        for page in path.pages:
            self.idle -= page.installed and not page.users
            page.users += 1
            self.tell(page, Access.ADD)
        path.leaves.sort(key=lambda leaf: leaf.frames.start)
        self.mappings += 1
        observe_guarded(tuple(page.alloc.fingerprint() for page in path.pages))
        return path

    def release(self, path: Path) -> list[AllocatedBlocks]:
        """End the part of one mapping; the pages that are now prepared for nobody are handed back."""
        self.mappings -= 1
        unneeded = []
        for page in path.pages:
            page.users -= 1
            self.tell(page, Access.ADD)
            if page.users:
                continue
            if page.installed:
                self.idle += 1
            else:
                unneeded.append(self._forget(page))
        return unneeded

    def retire_idle(self, window: PraminWindow, words: int) -> None:
        """Take out pages that nobody needs, with at most so many writes.

        A pending prepare counts as a user of every page on its way, installed or not, so what is idle is promised to
        nobody (hazards.md B16), and nothing is mapped below it. One write takes a page out with all that is below.

        Raises:
            EIO: the device did not answer; what was taken out before is retired.
        """
        idle = [page for page in self if not page.users]
        observe_guarded(frozenset(page.alloc.fingerprint() for page in idle))
        tops = [page for page in idle if page.parent is None or page.parent.users]
        try:
            for page in tops[:words]:
                page.take_out(window)
        finally:
            for page in sorted(idle, key=attrgetter("place")):
                if not page.reachable:
                    self.retired.append(self._forget(page))
                    self.idle -= 1

    def take_retired(self) -> list[AllocatedBlocks]:
        """The retired pages, for whoever has flushed the TLB since."""
        retired, self.retired = self.retired, []
        observe_guarded(len(retired))
        return retired

    def entry(self, page: PtPage) -> int:
        """The directory entry that points to a page."""
        return self._format.pde(VramAddress(page.address).frame())

    def tops(self) -> list[PtPage]:
        """The installed pages whose slots lie in tables that this Vmm did not make."""
        made = {page.address >> 12 for page in self}
        return [page for page in self if page.installed and page.slot >> 12 not in made]

    def clear(self) -> list[AllocatedBlocks]:
        """Forget all pages and hand them back, retired ones too."""
        pages = [self._forget(page) for page in sorted(self, key=attrgetter("place"))] + self.take_retired()
        self.idle = 0
        return pages

    def _forget(self, page: PtPage) -> AllocatedBlocks:
        """It serves no purpose any more, and another page may come to where it was."""
        del self._by_slot[page.slot]
        self.tell(page, Access.WRITE)
        page.alloc.buddy.rename(page.alloc)
        return page.alloc

    def _survey(self, window: PraminWindow, frames: range) -> tuple[Path, list[_Gap]]:
        """What is there for ``frames``, level by level, and the topmost slots that are not."""
        path = Path()
        gaps: list[_Gap] = []
        tables = [_Table(self._pdb, frames, None)]
        for depth, level in enumerate(self._format.directories):
            below: list[_Table] = []
            for table in tables:
                for part in level.split(table.frames):
                    self._look(window, table, depth, part, path, below, gaps)
            tables = below
        for table in tables:
            leaf = Leaf(table.address, table.frames)
            path.leaves.append(leaf)
            if table.page is None:
                path.found.append(leaf)
        return path, gaps

    def _look(
        self,
        window: PraminWindow,
        table: _Table,
        depth: int,
        part: range,
        path: Path,
        below: list[_Table],
        gaps: list[_Gap],
    ) -> None:
        level = self._format.directories[depth]
        slot = level.slot(table.address, part.start)
        page = self._by_slot.get(slot)
        if page is not None:
            self.tell(page, Access.ADD)  # that it is there
            path.pages.append(page)
            below.append(_Table(page.address, part, page))
            return
        entry = 0 if table.page is not None else self._found_entry(window, level, slot)
        frame = self._format.pde_frame(entry)
        if frame is None:
            gap = _Gap(slot, depth, part, entry, table.page)
            touch(f"{self._name} at {self._place_of(gap)}", Access.ADD)  # that it is not
            gaps.append(gap)
        else:
            below.append(_Table(frame.address(), part, None))

    def _found_entry(self, window: PraminWindow, level: Level, slot: int) -> int:
        """An entry of a table that this Vmm did not make: empty, or the way to a table in video memory.

        Anything else is in use, and must neither be overwritten nor hidden: a huge page, a table of big pages in the
        other half, a table in system memory (hazards.md B2, B3, B13).
        """
        entry = read_entry(window, slot)
        big = read_entry(window, slot - level.slot_offset) if level.is_dual else 0
        if big or (entry and self._format.pde_frame(entry) is None):
            raise EEXIST(f"directory entry at {slot:#x}: {big or entry:#x}", expected="none, or a table of small pages")
        return entry

    def _place_of(self, gap: _Gap) -> str:
        """The way from the root; below a table that somebody else made, from there."""
        index = f"{gap.slot % PAGE_SIZE >> 3}"
        if gap.parent is not None:
            return f"{gap.parent.place}.{index}"
        at_root = gap.slot >> PAGE_SHIFT == self._pdb >> PAGE_SHIFT
        return index if at_root else f"{gap.slot >> PAGE_SHIFT:#x}.{index}"

    def _pages_for(self, gap: _Gap) -> int:
        """The tables below a slot that points nowhere: its own, and one for each entry needed further down."""
        first, last = gap.frames.start, gap.frames.stop - 1
        below = self._format.directories[gap.depth + 1 :]
        return 1 + sum((last >> level.frame_shift) - (first >> level.frame_shift) + 1 for level in below)

    def _grow(self, gap: _Gap, pool: list[AllocatedBlocks], path: Path) -> None:
        """Prepare the tables below a gap."""
        place, alloc = self._place_of(gap), pool.pop()
        alloc.buddy.rename(alloc, place)  # who was first to need it is no matter to anybody
        page = PtPage(gap.slot, self._format.directories[gap.depth], alloc, gap.before, place, gap.parent)
        self._by_slot[gap.slot] = page
        self.tell(page, Access.WRITE)
        path.pages.append(page)
        depth = gap.depth + 1
        if depth == len(self._format.directories):
            path.leaves.append(Leaf(page.address, gap.frames))
            return
        level = self._format.directories[depth]
        for part in level.split(gap.frames):
            self._grow(_Gap(level.slot(page.address, part.start), depth, part, 0, page), pool, path)


def check_vacant(window: PraminWindow, leaf: Leaf) -> None:
    """Refuse to map over what somebody else has mapped (hazards.md B3).

    Raises:
        EEXIST: an entry is valid.
        EIO: an entry could not be read.
    """
    for index, entry in enumerate(window.read_run(leaf.pte_addr, len(leaf.frames))):
        if is_error_pattern(entry, 8):
            raise EIO(f"page-table entry at {leaf.pte_addr + 8 * index:#x}: the bus answered {entry:#x}")
        if entry & PTE_VALID:
            raise EEXIST(f"virtual frame {leaf.frames[index]:#x}: {entry:#x}", expected="a page that is not mapped")
