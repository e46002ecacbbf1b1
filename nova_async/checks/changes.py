"""NOVA310: what the TLB may still know when it is used for something else.

The TLB need not know anything for that: whether it does is a matter of luck, and NOVA303. What counts is that no
invalidate has happened since an entry was valid. Walks are cached like translations, so tables count too.

An explorer takes the TLB to be transparent as long as all who take something out invalidate the TLB themselves, before
anybody uses or frees what it has led to: then all that it has agrees with the tables. Where that is not so, it is told.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from nova_async.address import PAGE_SHIFT
from nova_async.checks.page_tables import overlap
from nova_async.checks.telling import TLB, Teller
from nova_async.findings import Severity
from nova_async.operation import Access
from nova_async.point import depend_on, naming, share, touch, transparent

FEW_PAGES = 16
"""So many virtual pages an explorer is told of one by one; more as all of their address space."""


@dataclass(slots=True, eq=False)
class _Gone:
    """What was taken out of an address space.

    Attributes:
        by: the task that did it.
        vfns: the virtual frames that it has mapped, or that are below it.
        frames: what it mapped, or the table's own.
        table: it is no leaf entry, but the way to a table.
        hidden: others have invalidated the TLB since, and who did it has not.
    """

    by: Hashable
    vfns: range
    frames: range
    table: bool
    hidden: bool = False


@dataclass(slots=True, eq=False)
class _Unflushed:
    """What was taken out of one address space since its last invalidate.

    Whoever takes something out invalidates the TLB afterwards; then it does not matter to anybody whether others were
    faster. If he does not, it does, and an explorer has to be told of everybody who looks. So it stays here until then.

    Attributes:
        name: of the address space.
        gone: in the order in which it was taken out.
    """

    name: str
    gone: list[_Gone] = field(default_factory=list)


class ChangeRules:
    """Keeps in mind what every address space has taken out and not flushed yet.

    Memory does not tell whether it was flushed since it was cleared, and what is found later depends on it. So this
    tells an explorer's states apart. Of the entries the addresses are enough: what they led to, who cleared them knows.

    Args:
        teller: words what is found.
        current: the task that runs.
    """

    def __init__(self, teller: Teller, current: Callable[[], Hashable]) -> None:
        self._teller = teller
        self._current = current
        self._unflushed: dict[int, _Unflushed] = {}

    def gone(self, pdb: int, name: str, vfns: range, frames: range, *, table: bool = False) -> None:
        """Entries were valid and are not, or no entry points to a table any more."""
        unflushed = self._unflushed.get(pdb)
        if unflushed is None:
            unflushed = self._unflushed[pdb] = _Unflushed(name)
        gone = _Gone(self._current(), vfns, frames, table)
        unflushed.gone.append(gone)
        _touch(name, vfns, Access.WRITE)
        _share(unflushed, Access.ADD)

    def replaced(self, name: str, vfn: int) -> None:
        """An entry was valid, and is valid for something else."""
        depend_on(TLB)
        said = f"overwrites the valid entry of {vfn << PAGE_SHIFT:#x} of {name} with another one"
        self._tell(f"{said}, and the TLB may know the old one", name, "replaced")

    def appeared(self, pdb: int, name: str, vfns: range) -> None:
        """Entries are valid."""
        for gone in self._visible(pdb, lambda gone: not gone.table and overlap(gone.vfns, vfns)):
            said = f"makes the entry of {max(gone.vfns.start, vfns.start) << PAGE_SHIFT:#x} of {name} valid again"
            self._tell(f"{said}, and the TLB may know the old one", name, "again")

    def used(self, pdb: int, name: str, vfn: int) -> None:
        """An access goes through a virtual frame."""
        if naming() is not None:
            _touch(name, range(vfn, vfn + 1), Access.READ)
            self._visible(pdb, lambda gone: vfn in gone.vfns)

    def invalidated(self, pdb: int, name: str) -> None:
        """The TLB knows nothing of one address space."""
        unflushed = self._unflushed.pop(pdb, None)
        if naming() is None:
            return
        if not transparent(TLB):
            touch(_key(name), Access.READ)
        if unflushed is not None:
            self._invalidated_by(self._current(), pdb, unflushed)

    def _invalidated_by(self, task: Hashable, pdb: int, unflushed: _Unflushed) -> None:
        told = not transparent(TLB)
        kept = [gone for gone in unflushed.gone if gone.by != task]
        for gone in unflushed.gone:
            gone.hidden = True
            if told or gone.by == task:
                _touch(unflushed.name, gone.vfns, Access.WRITE)
        if told or len(kept) < len(unflushed.gone):
            _share(unflushed, Access.ADD)
        unflushed.gone = kept
        if kept:
            self._unflushed[pdb] = unflushed

    def frames_freed(self, run: range) -> None:
        """Frames are nobody's now."""
        for pdb in tuple(self._unflushed):
            for gone in self._visible(pdb, lambda gone: overlap(gone.frames, run)):
                if not gone.table:
                    said = f"frees frames that {gone.vfns.start << PAGE_SHIFT:#x} has led to"
                    self._tell(f"{said}: no invalidate since its entry was cleared", "frames")
                else:
                    said = f"frees the table page {gone.frames.start << PAGE_SHIFT:#x}"
                    said += ", and the GPU may still walk through it"
                    self._tell(f"{said}: no invalidate since it was taken out", "table")

    def addresses_freed(self, pdb: int, name: str, run: range) -> None:
        """Virtual frames are nobody's now."""
        if self._visible(pdb, lambda gone: not gone.table and overlap(gone.vfns, run)):
            said = f"gives addresses of {name} back"
            self._tell(f"{said}: no invalidate since their entries were cleared", name, "addresses")

    def _visible(self, pdb: int, is_meant: Callable[[_Gone], bool]) -> Sequence[_Gone]:
        """What was taken out and may be known still.

        Whoever looks for it depends on who else was first to invalidate the TLB, as who took it out has not done so.
        """
        unflushed = self._unflushed.get(pdb)
        if unflushed is None:
            return ()
        found = [gone for gone in unflushed.gone if is_meant(gone)]
        if found:
            depend_on(TLB)
        for gone in found:
            _touch(unflushed.name, gone.vfns, Access.READ)
        return [gone for gone in found if not gone.hidden]

    def _tell(self, message: str, *key: str) -> None:
        self._teller.tell("NOVA310", message, *key, severity=Severity.POSSIBLE)


def _key(name: str) -> str:
    return f"unflushed of {name}"


def _touch(name: str, vfns: range, access: Access) -> None:
    """What is or was mapped there, a page at a time if there are few."""
    if naming() is None:
        return
    every = f"{_key(name)} at"
    few = 0 < len(vfns) <= FEW_PAGES
    touch(every, Access.ADD if few else access)
    if few:
        for page in vfns:
            touch(f"{every} {page:#x}", access)


def _share(unflushed: _Unflushed, access: Access) -> None:
    if naming() is not None:
        share(_key(unflushed.name), partial(_name_state, unflushed), access)


def _name_state(unflushed: _Unflushed) -> Hashable:
    """None if there is nothing."""
    told = not transparent(TLB)
    return frozenset((gone.vfns.start, gone.vfns.stop, gone.hidden and told) for gone in unflushed.gone) or None
