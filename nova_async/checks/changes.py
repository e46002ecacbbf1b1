"""NOVA310: what the TLB may still know when it is used for something else.

The TLB need not know anything for that: whether it does is a matter of luck, and NOVA303. What counts is that no
invalidate has happened since an entry was valid. Walks are cached like translations, so tables count too.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial

from nova_async.address import PAGE_SHIFT
from nova_async.checks.page_tables import overlap
from nova_async.checks.telling import Teller
from nova_async.findings import Severity
from nova_async.point import naming, share


@dataclass(slots=True, eq=False)
class _Unflushed:
    """What was taken out of one address space since its last invalidate.

    Attributes:
        name: of the address space.
        entries: virtual frames, and the frames they mapped.
        tables: the frames of tables that were unlinked.
    """

    name: str
    entries: list[tuple[range, range]] = field(default_factory=list)
    tables: dict[int, None] = field(default_factory=dict)


class ChangeRules:
    """Keeps in mind what every address space has taken out and not flushed yet.

    Memory does not tell whether it was flushed since it was cleared, and what is found later depends on it. So this
    tells an explorer's states apart. Of the entries the addresses are enough: what they led to, who cleared them knows.

    Args:
        teller: words what is found.
    """

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._unflushed: dict[int, _Unflushed] = {}

    def gone(self, pdb: int, name: str, vfns: range, frames: range) -> None:
        """Entries were valid and are not."""
        unflushed = self._of(pdb, name)
        unflushed.entries.append((vfns, frames))
        _share(unflushed)

    def unlinked(self, pdb: int, name: str, frame: int) -> None:
        """No entry of this space points to a table any more."""
        unflushed = self._of(pdb, name)
        unflushed.tables[frame] = None
        _share(unflushed)

    def replaced(self, name: str, vfn: int) -> None:
        """An entry was valid, and is valid for something else."""
        said = f"overwrites the valid entry of {vfn << PAGE_SHIFT:#x} of {name} with another one"
        self._tell(f"{said}, and the TLB may know the old one", name, "replaced")

    def appeared(self, pdb: int, name: str, vfns: range) -> None:
        """Entries are valid."""
        unflushed = self._unflushed.get(pdb)
        if unflushed is None:
            return
        for gone, _ in unflushed.entries:
            if overlap(gone, vfns):
                said = f"makes the entry of {max(gone.start, vfns.start) << PAGE_SHIFT:#x} of {name} valid again"
                self._tell(f"{said}, and the TLB may know the old one", name, "again")

    def invalidated(self, pdb: int | None) -> None:
        """The TLB knows nothing of one address space, or of any."""
        for known in tuple(self._unflushed) if pdb is None else (pdb,):
            unflushed = self._unflushed.pop(known, None)
            if unflushed is not None and naming() is not None:
                share(_key(unflushed), None)

    def frames_freed(self, run: range) -> None:
        """Frames are nobody's now."""
        for unflushed in self._unflushed.values():
            for frame in unflushed.tables:
                if frame in run:
                    said = f"frees the table page {frame << PAGE_SHIFT:#x}, and the GPU may still walk through it"
                    self._tell(f"{said}: no invalidate since it was taken out", "table")
            for gone, frames in unflushed.entries:
                if overlap(frames, run):
                    said = f"frees frames that {gone.start << PAGE_SHIFT:#x} has led to"
                    self._tell(f"{said}: no invalidate since its entry was cleared", "frames")

    def addresses_freed(self, pdb: int, name: str, run: range) -> None:
        """Virtual frames are nobody's now."""
        unflushed = self._unflushed.get(pdb)
        if unflushed is not None and any(overlap(gone, run) for gone, _ in unflushed.entries):
            said = f"gives addresses of {name} back"
            self._tell(f"{said}: no invalidate since their entries were cleared", name, "addresses")

    def _of(self, pdb: int, name: str) -> _Unflushed:
        unflushed = self._unflushed.get(pdb)
        if unflushed is None:
            unflushed = self._unflushed[pdb] = _Unflushed(name)
        return unflushed

    def _tell(self, message: str, *key: str) -> None:
        self._teller.tell("NOVA310", message, *key, severity=Severity.POSSIBLE)


def _key(unflushed: _Unflushed) -> str:
    return f"unflushed of {unflushed.name}"


def _share(unflushed: _Unflushed) -> None:
    if naming() is not None:
        share(_key(unflushed), partial(_name_state, unflushed))


def _name_state(unflushed: _Unflushed) -> Hashable:
    entries = frozenset((vfns.start, vfns.stop) for vfns, _ in unflushed.entries)
    return entries, len(unflushed.tables)
