"""Which frames the tables of one device point to: it matters when these are given back, and freed."""

from collections import Counter, defaultdict

from nova_async.explore.pages import Pages
from nova_async.operation import Access
from nova_async.point import caller, share, touch


class Pointers:
    """Tells an exhaustive search who is first: whoever makes entries, or whoever frees what they point to.

    Who gives frames back has cleared what points to them, so whoever frees them for him is in nobody's way; unless
    somebody else has still to clear that, or did so later.

    Args:
        pages: what frames are called.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._targets: defaultdict[int, dict[int, int]] = defaultdict(dict)
        self._count: Counter[int] = Counter()
        self._returned: dict[int, str] = {}
        self._late: set[int] = set()

    def written(self, table: int, slot: int, target: int) -> None:
        """An entry of a table points to a frame now, or to none if that is 0."""
        targets = self._targets[table]
        before = targets.pop(slot, 0)
        if before:
            self._count[before] -= 1
            self._changed(before)
        if target:
            targets[slot] = target
            self._count[target] += 1
            self._changed(target)

    def returned(self, frame: int) -> None:
        """Who had it does nothing to it any more; if it is a table, it is nobody's, and its entries point nowhere."""
        touch(self._name(frame), Access.READ)
        self._returned[frame] = caller()
        for slot in tuple(self._targets.get(frame, ())):
            self.written(frame, slot, 0)

    def freed(self, frame: int) -> None:
        """It is nobody's."""
        if frame not in self._returned or self._count[frame] or frame in self._late:
            touch(self._name(frame), Access.READ)
        if frame in self._late:
            share(self._name(frame), None)
        self._returned.pop(frame, None)
        self._late.discard(frame)

    def _changed(self, frame: int) -> None:
        touch(self._name(frame), Access.ADD)
        if self._returned.get(frame, caller()) != caller():
            self._late.add(frame)
            share(self._name(frame), value=True, access=Access.ADD)

    def _name(self, frame: int) -> str:
        return f"{self._pages.label(frame)} pointed to"
