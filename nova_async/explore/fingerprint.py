"""What one device adds to the name of a global state: the content of its memory, and what its TLB remembers.

Pages are named by birth, who allocated them and which of his allocations it was, and so are the frames that page-table
entries point to: two orders that differ only in the addresses received are one state (design section 5). That holds as
long as nobody's behaviour depends on the numeric order of addresses. It does in two places: frees are drained in the
order of their names, not of their addresses; and which free blocks of a buddy can merge shows when memory runs out.
With :attr:`~nova_async.point.Naming.EXACT` every address counts.

Left out are the registers through which the window is moved and the TLB is invalidated: whoever takes the lock that
guards them writes them before he relies on them. An exact search has them, too. Model time is left out always: it only
grows, and the driver looks at differences within one hold of the TLB lock.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.explore.state import hash_value
from nova_async.hw.listener import Listener
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import AddressSpace, Observer
from nova_async.mm.pagetable import FORMATS
from nova_async.point import Access, Naming, birth, naming, observe_guarded, share, touch

if TYPE_CHECKING:
    from nova_async.hw.mmu.access import Translation

_NATURAL = (1 << 60) - 1
"""What is hashed again must be a natural number below 2**60: others are hashed as text."""


class Fingerprint(Observer, Listener):
    """Tells an exhaustive search of everything that happens in one device's memory.

    Args:
        gpu: the device, just probed.
        name: tells devices apart.
    """

    def __init__(self, gpu: Gpu, name: str = "") -> None:
        self._gpu = gpu
        self._name = name
        self._exact = naming() is Naming.EXACT
        entries = FORMATS[gpu.chipset.mmu_version]
        self._shift = entries.address_shift
        self._frame_mask = (1 << entries.frame_bits) - 1
        self._names: dict[int, int] = {}
        self._labels: dict[int, str] = {}
        self._plain: set[int] = set()
        self._table_owners = {f"{space.name} tables" for space in gpu.address_spaces}
        self._cached: dict[int, dict[int, int]] = {}
        self._content: dict[int, dict[int, int]] = {}

    def attach(self) -> None:
        """Listen from now on."""
        self._gpu.mm.observers.append(self)
        self._gpu.board.listeners.append(self)

    # The driver.

    def space_opened(self, space: AddressSpace) -> None:
        """Its tables hold entries, and so does its root."""
        self._table_owners.add(f"{space.name} tables")
        self._plain.discard(space.pdb >> PAGE_SHIFT)

    def blocks_allocated(self, allocated: AllocatedBlocks) -> None:
        """Name its frames by birth."""
        if allocated.buddy is not self._gpu.mm.buddy or self._exact:
            return
        self._name_frames(allocated)

    def blocks_renamed(self, allocated: AllocatedBlocks) -> None:
        """Nothing points to them yet, or any more."""
        if allocated.buddy is self._gpu.mm.buddy and not self._exact:
            self._name_frames(allocated)

    def _name_frames(self, allocated: AllocatedBlocks) -> None:
        plain = allocated.owner not in self._table_owners
        label = " ".join(map(str, allocated.name))
        for index, frame in enumerate(_frames_of(allocated)):
            self._names[frame] = hash_value((*allocated.name, index)) & _NATURAL
            if plain:
                self._plain.add(frame)
            self._rename(frame, f"{self._name} {label}.{index}")

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        """Its frames are frames again; told twice, and free only the second time."""
        if allocated.buddy is not self._gpu.mm.buddy or self._exact:
            return
        if allocated.live:
            self._bury(allocated)
            return
        for frame in _frames_of(allocated):
            self._names.pop(frame, None)
            self._plain.discard(frame)
            self._rename(frame, "")

    def entries_read(self, words: Sequence[int]) -> None:
        """The task was told what they mean."""
        observe_guarded(tuple(self._mean(word) for word in words))

    # The hardware.

    def vram_written(self, address: int, length: int) -> None:
        """Note what the words mean now: whose frame an entry points to, as long as that is still known."""
        stop = address + length
        while address < stop:
            frame = address >> PAGE_SHIFT
            end = min(stop, frame + 1 << PAGE_SHIFT)
            self._note(frame, range(address % PAGE_SIZE >> 3, (end - 1) % PAGE_SIZE + 8 >> 3))
            address = end

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:
        """The pages are touched."""
        if not write:
            for frame in range(physical >> PAGE_SHIFT, (physical + width - 1 >> PAGE_SHIFT) + 1):
                touch(self._label(frame))

    def translated(self, pdb: int, va: int, translation: "Translation", *, hit: bool) -> None:
        """The TLB has it now. All tables on the way were touched, if it did not."""
        touch(f"{self._label(pdb >> PAGE_SHIFT)} tlb", Access.READ if hit else Access.WRITE)
        if not hit:
            frame = translation.address >> PAGE_SHIFT
            meaning = self._names.get(frame, frame)
            self._cached.setdefault(pdb, {})[va >> PAGE_SHIFT] = meaning
            self._share_tlb(pdb)

    def invalidated(self, pdb: int | None) -> None:
        """The TLB has forgotten it."""
        for forgotten in tuple(self._cached) if pdb is None else (pdb,):
            if self._cached.pop(forgotten, None) is not None:
                self._share_tlb(forgotten)

    def register_written(self, offset: int, value: int) -> None:
        """Only where every bit counts."""
        if self._exact:
            share(f"{self._name} register {offset:#x}", value)

    def _share_tlb(self, pdb: int) -> None:
        cached = self._cached.get(pdb)
        share(f"{self._label(pdb >> PAGE_SHIFT)} tlb", tuple(sorted(cached.items())) if cached else None)

    # Names.

    def _label(self, frame: int) -> str:
        label = self._labels.get(frame)
        return label if label is not None else f"{self._name} frame {frame:#x}"

    def _bury(self, allocated: AllocatedBlocks) -> None:
        """Whoever frees pages for others does nothing to those who gave them back: these never touch them again."""
        freer, _ = birth()
        for frame in _frames_of(allocated):
            self._rename(frame, f"{self._label(frame)} freed by {freer}")

    def _rename(self, frame: int, label: str) -> None:
        share(self._label(frame), None)
        self._labels.pop(frame, None)
        if label:
            self._labels[frame] = label
        content = self._content.get(frame, {})
        if label or content:  # a free page of zeros is like any other
            share(self._label(frame), partial(_name_content, content))

    def _mean(self, word: int) -> int:
        """A 64-bit entry, with the frame in it by name."""
        name = self._names.get(word >> self._shift & self._frame_mask) if word else None
        return word if name is None else hash((word & ~(self._frame_mask << self._shift), name)) & _NATURAL

    def _note(self, frame: int, slots: range) -> None:
        touch(self._label(frame), Access.WRITE)
        words = self._gpu.board.vram.words_of(frame)
        if words is None:
            if self._content.pop(frame, None) is not None:
                share(self._label(frame), None)
            return
        content = self._content.setdefault(frame, {})
        mean = int if frame in self._plain else self._mean
        for slot in slots:
            if words[slot]:
                content[slot] = mean(words[slot])
            else:
                content.pop(slot, None)
        share(self._label(frame), partial(_name_content, content))


def _name_content(content: Mapping[int, int]) -> Hashable:
    """The words of a page that are not zero; None if there are none."""
    return frozenset(content.items()) if content else None


def _frames_of(allocated: AllocatedBlocks) -> Iterator[int]:
    for run in allocated.frames():
        yield from run
