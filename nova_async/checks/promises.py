"""NOVA307: whether every prepared mapping has the table pages it needs, from its prepare to its execute.

It is asked of the hardware's format and of what the tables say, not of the driver's walk: at each level the page that
hardware finds there, or a page that is set aside for just this entry.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nova_async.address import PAGE_SHIFT
from nova_async.checks.frames import FrameRules
from nova_async.checks.page_tables import Node
from nova_async.checks.tables import Space
from nova_async.checks.telling import Teller
from nova_async.hw.mmu.formats import Level, MmuFormat
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import Promised

_SMALL_HALF = 8
"""Where the entry of a small table lies in a dual entry."""


@dataclass(slots=True, eq=False)
class _Stretch:
    """Virtual frames on their way down: the table they have come to, and what hardware knows of it."""

    table: int
    node: Node | None
    frames: range


class PromiseRules:
    """Keeps the promise of every mapping that is pending or live.

    Args:
        layout: the format of the chip.
        frames: whose each frame is.
        teller: words what is found.
    """

    def __init__(self, layout: MmuFormat, frames: FrameRules, teller: Teller) -> None:
        self._levels = (*layout.directories, layout.dual)
        self._dual, self._small = layout.dual, layout.small
        self._frames = frames
        self._teller = teller
        self._needed: Counter[int] = Counter()

    def made(self, space: Space, mapping: Promised) -> None:
        """A prepare has ended well."""
        self._needed.update(page.alloc.address >> PAGE_SHIFT for page in mapping.tables)
        self.check(space, mapping)

    def ended(self, mapping: Promised) -> None:
        """The mapping is aborted or unmapped; what others need too, must be there still."""
        for page in mapping.tables:
            frame = page.alloc.address >> PAGE_SHIFT
            self._needed[frame] -= 1
            if not self._needed[frame]:
                del self._needed[frame]
            elif _is_back(page.alloc):
                self._tell(f"gives the table page {page.alloc.address:#x} back, and another mapping was promised it")

    def users(self, frame: int) -> int:
        """How many mappings, pending and live, lead through the table in this frame."""
        return self._needed[frame]

    def frames_freed(self, run: range) -> None:
        """Frames are nobody's now."""
        if not self._needed:
            return
        wanted = run if len(run) <= len(self._needed) else sorted(self._needed)
        for frame in wanted:
            if frame in run and frame in self._needed:
                self._tell(f"frees the table page {frame << PAGE_SHIFT:#x}, which a mapping was promised")

    def check(self, space: Space, mapping: Promised) -> None:
        """Every entry on the way must lead to a page, or have one set aside."""
        promised = {page.slot: page.alloc for page in mapping.tables}
        for alloc in promised.values():
            if _is_back(alloc) or not self._frames.is_owned(alloc.address >> PAGE_SHIFT):
                self._tell(f"counts on the table page {alloc.address:#x} for {space.name}, which was given back")
                return
        here = [_Stretch(space.root.pdb, space.root.node, mapping.frames)]
        for level in self._levels:
            below = []
            for stretch in here:
                for slot, frames in _entries(level, stretch):
                    child = self._child(level, stretch, slot)
                    reserved = promised.get(slot + _SMALL_HALF if level is self._dual else slot)
                    if problem := self._problem(space, slot, child, reserved):
                        self._tell(problem)
                        return
                    table = reserved.address if reserved is not None else child.table.address if child else 0
                    below.append(_Stretch(table, child, frames))
            here = below

    def room(self, space: Space, waiting: int, room: int) -> None:
        """Books whose room is reserved: it must be there for all pages that wait to be recorded (hazards.md I5)."""
        if waiting > room:
            said = f"leaves room for {room} table pages of {space.name}, and {waiting} wait to be recorded"
            self._tell(said)

    def _child(self, level: Level, stretch: _Stretch, slot: int) -> Node | None:
        if stretch.node is None:
            return None
        index = (slot - stretch.table) // level.entry_bytes
        children = stretch.node.children.get(index, ())
        wanted = (child for child in children if level is not self._dual or child.table.kind is self._small)
        return next(wanted, None)

    def _problem(self, space: Space, slot: int, child: Node | None, reserved: AllocatedBlocks | None) -> str:
        if child is None and reserved is None:
            return f"counts on the entry at {slot:#x} of {space.name}, which leads nowhere, and no page is set aside"
        if child is not None and reserved is not None and child.table.address != reserved.address:
            other = f"{child.table.address:#x} and not to the page {reserved.address:#x} that was set aside for it"
            return f"counts on the entry at {slot:#x} of {space.name}, which points to {other}"
        return ""

    def _tell(self, message: str) -> None:
        self._teller.tell("NOVA307", message)


def _entries(level: Level, stretch: _Stretch) -> Iterator[tuple[int, range]]:
    """The entries that the frames need: address, and which of the frames."""
    per_entry = level.covers >> PAGE_SHIFT
    start, stop = stretch.frames.start, stretch.frames.stop
    while start < stop:
        end = min(stop, (start // per_entry + 1) * per_entry)
        yield level.slot(stretch.table, start << PAGE_SHIFT), range(start, end)
        start = end


def _is_back(alloc: AllocatedBlocks) -> bool:
    return alloc.given_back or not alloc.live
