"""NOVA303: translations that outlive what they were made from."""

from collections.abc import Iterator

from nova_async.address import PAGE_SHIFT
from nova_async.checks.tables import Space, TableRules
from nova_async.checks.telling import Teller
from nova_async.findings import Severity
from nova_async.hw.board import Board
from nova_async.hw.mmu.access import MmuFault, Translation
from nova_async.hw.mmu.walker import resolve


class TranslationRules:
    """Compares every translation that hardware uses with the tables and with the ranges that are taken.

    A page that was compared is not compared again until a table of its address space is written, or addresses go back.

    Args:
        board: the hardware.
        tables: knows the address spaces.
        teller: words what is found.
    """

    def __init__(self, board: Board, tables: TableRules, teller: Teller) -> None:
        self._board = board
        self._tables = tables
        self._teller = teller
        self._compared: dict[int, tuple[int, set[tuple[int, int]]]] = {}

    def used(self, pdb: int, va: int, translation: Translation, *, hit: bool) -> None:
        """Hardware used a translation."""
        space = self._tables.spaces.get(pdb)
        page = (translation.size, translation.va)
        compared = self._compared_pages(pdb, space)
        if page not in compared and self._is_right(pdb, va, translation, space, hit=hit) and space is not None:
            compared.add(page)

    def frames_freed(self, run: range) -> bool:
        """Frames are nobody's now: the TLB must not lead to them. Whether it does."""
        found = False
        for pdb in self._board.tlb.pdbs:
            for cached in self._leading_to(pdb, run):
                self._tell_left(pdb, cached, f"frees frames {run.start:#x} to {run.stop - 1:#x}")
                found = True
        return found

    def addresses_freed(self, space: Space, run: range) -> bool:
        """Virtual frames are nobody's now: the TLB must not know them. Whether it does."""
        found = False
        for cached in self._board.tlb.cached(space.root.pdb):
            first = cached.va >> PAGE_SHIFT
            if first < run.stop and run.start < first + (cached.size >> PAGE_SHIFT):
                self._tell_left(space.root.pdb, cached, f"gives addresses of {space.name} back")
                found = True
        return found

    def closed(self, space: Space, name: str) -> None:
        """An address space is gone: the TLB must know nothing of it."""
        self._compared.pop(space.root.pdb, None)
        for cached in self._board.tlb.cached(space.root.pdb):
            self._tell_left(space.root.pdb, cached, f"closes {name}")

    def _compared_pages(self, pdb: int, space: Space | None) -> set[tuple[int, int]]:
        if space is None:
            return set()
        version, pages = self._compared.get(pdb, (-1, set()))
        if version != space.root.version:
            pages.clear()
            self._compared[pdb] = (space.root.version, pages)
        return pages

    def _is_right(self, pdb: int, va: int, translation: Translation, space: Space | None, *, hit: bool) -> bool:
        name = space.name if space is not None else f"the address space at {pdb:#x}"
        if hit and (now := self._in_tables(pdb, va)) != translation:
            says = "nothing" if now is None else f"{now.address:#x}"
            said = f"uses {va:#x} of {name}: the TLB leads to {translation.address:#x}, the tables say {says}"
            self._teller.tell("NOVA303", said, name)
            return False
        if space is None or not space.keeps_account or translation.sparse:
            return True
        frame = va >> PAGE_SHIFT
        if not space.takers(range(frame, frame + 1)):
            self._teller.tell("NOVA303", f"uses {va:#x} of {name}, where nothing is mapped any more", name, "gone")
            return False
        return True

    def _in_tables(self, pdb: int, va: int) -> Translation | None:
        try:
            return resolve(self._board.vram, pdb, self._board.mmu.format, va)
        except MmuFault:
            return None

    def _leading_to(self, pdb: int, run: range) -> Iterator[Translation]:
        for cached in self._board.tlb.cached(pdb):
            first = cached.address >> PAGE_SHIFT
            if not cached.sparse and first < run.stop and run.start < first + (cached.size >> PAGE_SHIFT):
                yield cached

    def _tell_left(self, pdb: int, cached: Translation, did: str) -> None:
        left = f"{cached.va:#x} of the address space at {pdb:#x}, leading to {cached.address:#x}"
        self._teller.tell("NOVA303", f"{did}; the TLB still has {left}", "left", severity=Severity.POSSIBLE)
