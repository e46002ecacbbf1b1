"""The sanitizer: watches one device and judges every step of its memory manager as it happens.

::

    runs              who has which frames and addresses
    shadow            what the page tables say, kept up to date (page_tables: how it remembers them)
    tables            NOVA301, NOVA302, NOVA306: entries, pages, address ranges
    translations      NOVA303: the TLB
    shared_registers  NOVA304, NOVA306, NOVA308: window and invalidate registers
    audit             the same in one go, from scratch
    accounting        NOVA305: what is lost at the end

It learns from the hardware what is written and translated, and from the driver what only the driver knows
(:mod:`nova_async.mm.observer`). It never touches either.
"""

from typing import Self

from nova_async.checks.shared_registers import InvalidateRules, WindowRules
from nova_async.checks.tables import TableRules
from nova_async.checks.telling import Teller
from nova_async.checks.translations import TranslationRules
from nova_async.hw.bar0 import Bar0
from nova_async.hw.listener import Listener
from nova_async.hw.mmu.access import Translation
from nova_async.hw.registers import INVALIDATE, INVALIDATE_PDB, INVALIDATE_UPPER_PDB
from nova_async.lockdep import Tasks
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import AddressSpace, Observer

_INVALIDATE_REGISTERS = frozenset({INVALIDATE, INVALIDATE_PDB, INVALIDATE_UPPER_PDB})


class Sanitizer(Listener, Observer):
    """Watches one device from :meth:`attach` on.

    Findings go to the validator of the device's kernel.

    Args:
        gpu: freshly probed: what was allocated before it is attached would count as free.
        tasks: who runs.

    Attributes:
        tables: what it knows of tables, pages and address ranges.
    """

    def __init__(self, gpu: Gpu, tasks: Tasks) -> None:
        self._gpu = gpu
        teller = Teller(gpu.kernel, tasks)
        self.tables = TableRules(gpu, teller)
        self._translations = TranslationRules(gpu.board, self.tables, teller)
        self._window = WindowRules(gpu.board, teller)
        self._invalidate = InvalidateRules(gpu.board, teller)
        self._window_register = gpu.chipset.window.offset

    def attach(self) -> Self:
        """Begin to watch."""
        for vmm in self._gpu.address_spaces:
            if vmm.space is not None:
                self.space_opened(vmm.space)
        self._gpu.mm.observers.append(self)
        self._gpu.board.listeners.append(self)
        return self

    # The driver

    def blocks_allocated(self, allocated: AllocatedBlocks) -> None:
        """Pages or addresses have an owner."""
        self.tables.allocated(allocated)

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        """Pages or addresses are nobody's."""
        if allocated.buddy is self._gpu.mm.buddy:
            for run in allocated.frames():
                if self.tables.vram_freed(run):
                    self._translations.frames_freed(run)
        elif (space := self.tables.space_of(allocated.buddy)) is not None:
            for run in allocated.frames():
                self.tables.addresses_freed(allocated.buddy, run)
                self._translations.addresses_freed(space, run)

    def space_opened(self, space: AddressSpace) -> None:
        """A new address space."""
        self.tables.opened(space)

    def space_closed(self, space: AddressSpace) -> None:
        """The end of one."""
        gone = self.tables.closed(space)
        if gone is not None:
            self._translations.closed(gone, space.name)

    def window_used(self, bar0: Bar0, base: int) -> None:
        """An access that relies on where the window is."""
        self._window.believed(bar0, base)

    # The hardware

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:  # noqa: ARG002  the listener's signature
        """An access through the window."""
        self._window.accessed(physical)

    def vram_written(self, address: int, length: int) -> None:
        """Memory, perhaps a table."""
        self.tables.written(address, length)

    def register_written(self, offset: int, value: int) -> None:
        """Perhaps the window, or the invalidate registers."""
        if offset == self._window_register:
            self._window.moved()
        elif offset in _INVALIDATE_REGISTERS:
            self._invalidate.written(offset, value)

    def translated(self, pdb: int, va: int, translation: Translation, *, hit: bool) -> None:
        """A translation was used."""
        self._translations.used(pdb, va, translation, hit=hit)
