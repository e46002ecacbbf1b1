"""What one device adds to the name of a global state: the content of its memory, and what its TLB remembers.

Pages are named by birth, see :mod:`nova_async.explore.pages`, and so are the frames that page-table entries point to.
That holds as long as nobody's behaviour depends on the numeric order of addresses. It does in two places: frees are
drained in the order of their names, not of their addresses; and which free blocks of a buddy can merge shows when
memory runs out.

What is told is also what the checks look at when they are told the same: whether anything still points to a frame that
is freed, and whether the TLB agrees with the tables.

Left out are the registers through which the window is moved and the TLB is invalidated: whoever takes the lock that
guards them writes them before he relies on them. An exact search has them, too. Model time is left out always: it only
grows, and the driver looks at differences within one hold of the TLB lock.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.explore.pages import NATURAL, Pages, frames_of
from nova_async.explore.pointers import Pointers
from nova_async.explore.translations import Translations
from nova_async.hw.listener import Listener
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import AddressSpace, Observer
from nova_async.mm.pagetable import FORMATS
from nova_async.operation import Access
from nova_async.point import caller, naming, observe_guarded, share
from nova_async.runtime import Naming

if TYPE_CHECKING:
    from nova_async.hw.mmu.access import Fault, Translation


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
        self._pages = Pages(name)
        self._translations = Translations(name, self._pages)
        self._plain: set[int] = set()
        self._table_owners = {f"{space.name} tables" for space in gpu.address_spaces}
        self._content: dict[int, dict[int, int]] = {}
        self._pointers = Pointers(self._pages)

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
        if allocated.buddy is self._gpu.mm.buddy and not self._exact:
            self._name_frames(allocated)

    def blocks_renamed(self, allocated: AllocatedBlocks) -> None:
        """Nothing points to them yet, or any more."""
        self.blocks_allocated(allocated)

    def blocks_given_back(self, allocated: AllocatedBlocks) -> None:
        """Nothing may point to its frames."""
        if allocated.buddy is self._gpu.mm.buddy:
            for frame in frames_of(allocated):
                self._pointers.returned(frame)

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        """Its frames are frames again; told twice, and free only the second time."""
        if allocated.buddy is not self._gpu.mm.buddy:
            return
        for frame in frames_of(allocated):
            self._pointers.freed(frame)
            if self._exact:
                continue
            if allocated.live:
                self._bury(frame)
            else:
                self._forget(frame)

    def entries_read(self, words: Sequence[int]) -> None:
        """The task was told what they mean."""
        observe_guarded(tuple(self._mean(word) for word in words))

    # The hardware.

    def vram_written(self, address: int, length: int) -> None:
        """Note what the words mean now: whose frame an entry points to, as long as that is still known."""
        stop = address + length
        access = self._pages.touch_words(address, stop, Access.WRITE)
        while address < stop:
            frame = address >> PAGE_SHIFT
            end = min(stop, frame + 1 << PAGE_SHIFT)
            self._note(frame, range(address % PAGE_SIZE >> 3, (end - 1) % PAGE_SIZE + 8 >> 3), access)
            address = end

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:
        """The pages are touched."""
        if not write:
            self._pages.touch_words(physical, physical + width, Access.READ)

    def entry_fetched(self, address: int) -> None:
        """A walk depends on what it finds."""
        self._translations.fetched(address)

    def translated(self, pdb: int, va: int, translation: "Translation", *, hit: bool) -> None:
        """All tables on the way were touched, if the TLB did not have it; it has it now."""
        self._translations.used(pdb, va, translation, hit=hit)

    def faulted(self, fault: "Fault") -> None:
        """The tables on the way were touched all the same."""
        if fault.pdb is not None:
            translation = self._gpu.board.tlb.lookup(fault.pdb, fault.va)
            self._translations.refused(fault.pdb, fault.va, translation)

    def invalidated(self, pdb: int | None) -> None:
        """The TLB has forgotten it."""
        self._translations.forgotten(pdb)

    def register_written(self, offset: int, value: int) -> None:
        """Only where every bit counts."""
        if self._exact:
            share(f"{self._name} register {offset:#x}", value)

    # Names.

    def _name_frames(self, allocated: AllocatedBlocks) -> None:
        for frame in frames_of(allocated):
            share(self._pages.label(frame), None)
        self._pages.name(allocated)
        plain = allocated.owner not in self._table_owners
        for frame in frames_of(allocated):
            if plain:
                self._plain.add(frame)
            self._share_page(frame)

    def _bury(self, frame: int) -> None:
        share(self._pages.label(frame), None)
        self._pages.bury(frame, caller())
        self._share_page(frame)

    def _forget(self, frame: int) -> None:
        share(self._pages.label(frame), None)
        self._plain.discard(frame)
        self._pages.forget(frame)
        if self._content.get(frame):  # a free page of zeros is like any other
            self._share_page(frame)

    def _share_page(self, frame: int, access: Access = Access.WRITE) -> None:
        share(self._pages.label(frame), partial(_name_content, self._content.get(frame, {})), access)

    # Content.

    def _mean(self, word: int) -> int:
        """A 64-bit entry, with the frame in it by name."""
        name = self._pages.meaning(word >> self._shift & self._frame_mask) if word else None
        return word if name is None else hash((word & ~(self._frame_mask << self._shift), name)) & NATURAL

    def _note(self, frame: int, slots: range, access: Access) -> None:
        words = self._gpu.board.vram.words_of(frame)
        if frame not in self._plain:
            for slot in slots:
                target = words[slot] >> self._shift & self._frame_mask if words is not None else 0
                self._pointers.written(frame, slot, target)
        if words is None:
            if self._content.pop(frame, None) is not None:
                share(self._pages.label(frame), None)
            return
        content = self._content.setdefault(frame, {})
        mean = int if frame in self._plain else self._mean
        for slot in slots:
            if words[slot]:
                content[slot] = mean(words[slot])
            else:
                content.pop(slot, None)
        self._share_page(frame, access)


def _name_content(content: Mapping[int, int]) -> Hashable:
    """The words of a page that are not zero; None if there are none."""
    return frozenset(content.items()) if content else None
