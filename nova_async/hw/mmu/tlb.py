"""The translations that the hardware remembers."""

from collections.abc import Iterable, Iterator, Sequence

from nova_async.hw.listener import Listener
from nova_async.hw.mmu.access import Translation


class HwTlb:
    """Remembers every page it was given until told to forget: no capacity, no replacement.

    A real TLB forgets by itself as well. This one never does, so that a missing invalidate always shows. Faults are
    not remembered (ASSUME); sparse pages are.

    Args:
        page_shifts: the page sizes of the format, as powers of two, the most common first.
        listeners: who is told of invalidates.
    """

    def __init__(self, page_shifts: Iterable[int], listeners: Sequence[Listener] = ()) -> None:
        self._page_shifts = tuple(page_shifts)
        self._listeners = listeners
        # by address space, then by (size, first virtual address)
        self._spaces: dict[int, dict[tuple[int, int], Translation]] = {}

    @property
    def pdbs(self) -> tuple[int, ...]:
        """The address spaces it remembers something of, ascending."""
        return tuple(sorted(self._spaces))

    def cached(self, pdb: int) -> Iterator[Translation]:
        """What it remembers of one address space, in the order in which it learned it."""
        yield from self._spaces.get(pdb, {}).values()

    def lookup(self, pdb: int, va: int) -> Translation | None:
        """The page of ``va``, if remembered."""
        space = self._spaces.get(pdb)
        if space is None:
            return None
        for shift in self._page_shifts:
            found = space.get((1 << shift, va >> shift << shift))
            if found is not None:
                return found
        return None

    def fill(self, pdb: int, translation: Translation) -> None:
        """Remember a page."""
        self._spaces.setdefault(pdb, {})[translation.size, translation.va] = translation

    def invalidate(self, pdb: int | None) -> None:
        """Forget one address space, or everything where ``pdb`` is None."""
        if pdb is None:
            self._spaces.clear()
        else:
            self._spaces.pop(pdb, None)
        for listener in self._listeners:
            listener.invalidated(pdb)
