"""What one device's TLB remembers, and who is in whose way there.

As long as it gives the same as the tables it is transparent, and only these are touched. When it turns out that it may
not, see :mod:`nova_async.checks.changes`, what it holds is told: two fills commute, and so do two invalidates; one of
each do not, and neither do an access and what gives it another entry.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nova_async.address import PAGE_SHIFT
from nova_async.checks.telling import TLB
from nova_async.explore.pages import Pages
from nova_async.operation import Access
from nova_async.point import share, touch, transparent

if TYPE_CHECKING:
    from nova_async.hw.mmu.access import Translation


@dataclass(frozen=True, slots=True)
class _Cached:
    """A page that the TLB knows.

    Attributes:
        meaning: where it leads to, by what that was when the TLB learned it.
        entries: the addresses of the table entries on the way.
    """

    meaning: int
    entries: tuple[int, ...]


class Translations:
    """Tells an exhaustive search of one device's TLB.

    Args:
        device: tells devices apart.
        pages: what frames are called.
    """

    def __init__(self, device: str, pages: Pages) -> None:
        self._pages = pages
        self._everybody = f"{device} tlb"
        self._cached: dict[int, dict[int, _Cached]] = {}
        self._fetched: list[int] = []

    def fetched(self, address: int) -> None:
        """A walk looks at an entry."""
        self._fetched.append(address)
        self._pages.touch_words(address, address + 8, Access.READ)

    def used(self, pdb: int, va: int, translation: "Translation", *, hit: bool) -> None:
        """An access goes through the TLB, which has the page from now on."""
        if hit:
            self._hit(pdb, va >> PAGE_SHIFT)
        else:
            self._fill(pdb, va >> PAGE_SHIFT, translation)
        if not translation.sparse:
            physical = translation.physical(va)
            self._pages.touch_words(physical, physical + 1, Access.READ)

    def refused(self, pdb: int, va: int, translation: "Translation | None") -> None:
        """An access ended in a fault: nothing is mapped, or what the TLB has from now on does not allow it."""
        if translation is None:
            self._fetched.clear()
        elif self._fetched:
            self._fill(pdb, va >> PAGE_SHIFT, translation)
        else:
            self._hit(pdb, va >> PAGE_SHIFT)

    def forgotten(self, pdb: int | None) -> None:
        """The TLB knows nothing of one address space, or of any."""
        told = not transparent(TLB)
        if told:
            touch(self._everybody if pdb is None else self._space(pdb), Access.READ)
        for root in tuple(self._cached) if pdb is None else (pdb,):
            pages = self._cached.pop(root, {})
            if told:
                share(self._space(root), None)
                for page in pages:
                    touch(self._entry(root, page), Access.WRITE)

    def _hit(self, pdb: int, page: int) -> None:
        if not transparent(TLB):
            touch(self._entry(pdb, page), Access.READ)
        cached = self._cached.get(pdb, {}).get(page)
        for entry in cached.entries if cached is not None else ():
            self._pages.touch_words(entry, entry + 8, Access.READ)

    def _fill(self, pdb: int, page: int, translation: "Translation") -> None:
        frame = translation.address >> PAGE_SHIFT
        meaning = self._pages.meaning(frame)
        entries, self._fetched = tuple(self._fetched), []
        self._cached.setdefault(pdb, {})[page] = _Cached(frame if meaning is None else meaning, entries)
        if not transparent(TLB):
            touch(self._everybody, Access.ADD)
            touch(self._entry(pdb, page), Access.WRITE)
            share(self._space(pdb), self._name_state(pdb), Access.ADD)

    def _name_state(self, pdb: int) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((page, cached.meaning) for page, cached in self._cached[pdb].items()))

    def _space(self, pdb: int) -> str:
        return f"{self._pages.label(pdb >> PAGE_SHIFT)} tlb"

    def _entry(self, pdb: int, page: int) -> str:
        return f"{self._space(pdb)} {page:#x}"
