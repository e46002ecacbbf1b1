"""The sanitizer: watches one device and judges every step of its memory manager as it happens.

::

    runs              who has which addresses
    frames            NOVA311: who has which frames
    shadow            what the page tables say, kept up to date (page_tables: how it remembers them)
    tables            NOVA301, 302, 306, 312, 313, 315: entries, pages, address ranges
    translations      NOVA303: the TLB
    changes           NOVA310: what the TLB may still know
    calls             what each operation does
    promises          NOVA307: the table pages that a mapping was promised
    rollback          NOVA309, 312: what each operation leaves behind
    shared_registers  NOVA304, 306, 308, 314: window and invalidate registers
    audit             the same in one go, from scratch
    accounting        NOVA305: what is lost at the end

It learns from the hardware what is written and translated, and from the driver what only the driver knows
(:mod:`nova_async.mm.observer`). It never touches either.
"""

from typing import Self

from nova_async.address import PAGE_SHIFT
from nova_async.checks.calls import Calls
from nova_async.checks.changes import ChangeRules
from nova_async.checks.frames import FrameRules
from nova_async.checks.promises import PromiseRules
from nova_async.checks.rollback import RollbackRules
from nova_async.checks.shared_registers import InvalidateRules, WindowRules
from nova_async.checks.tables import TableRules
from nova_async.checks.telling import TLB, Teller
from nova_async.checks.translations import TranslationRules
from nova_async.hw.bar0 import Bar0
from nova_async.hw.listener import Listener
from nova_async.hw.mmu.access import Fault, Translation
from nova_async.hw.registers import INVALIDATE, INVALIDATE_PDB, INVALIDATE_UPPER_PDB
from nova_async.lockdep import Tasks
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import AddressSpace, Call, Observer
from nova_async.point import depend_on

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
        self._vram = gpu.mm.buddy
        self._frames = FrameRules(gpu, teller)
        self._calls = Calls(tasks.current)
        self._changes = ChangeRules(teller, tasks.current)
        self.tables = TableRules(gpu, self._frames, self._calls, self._changes, teller)
        self._promises = PromiseRules(gpu.board.mmu.format, self._frames, teller)
        self._rollback = RollbackRules(self.tables, self._promises, self._calls, teller)
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
        self._calls.took(allocated)

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        """Pages or addresses are nobody's."""
        if allocated.buddy is self._vram:
            for run in allocated.frames():
                linked = bool(self.tables.shadow.tables_in(run))
                if self.tables.vram_freed(run, scrubbing=allocated.live):
                    self._frames_freed(run, linked=linked)
        elif (space := self.tables.space_of(allocated.buddy)) is not None:
            for run in allocated.frames():
                self.tables.addresses_freed(allocated.buddy, run)
                if not self._translations.addresses_freed(space, run):
                    self._changes.addresses_freed(space.root.pdb, space.name, run)

    def _frames_freed(self, run: range, *, linked: bool) -> None:
        if not linked:  # else it is told already
            self._promises.frames_freed(run)
        if not self._translations.frames_freed(run):
            self._changes.frames_freed(run)

    def space_opened(self, space: AddressSpace) -> None:
        """A new address space."""
        self.tables.opened(space)

    def space_closed(self, space: AddressSpace) -> None:
        """The end of one."""
        gone = self.tables.closed(space)
        if gone is not None:
            self._translations.closed(gone, space.name)

    def call_begins(self, call: Call) -> None:
        """An operation on an address space begins."""
        self._rollback.begins(call)

    def call_ends(self, call: Call, *, failed: bool) -> None:
        """It is over."""
        self._rollback.ends(call, failed=failed)

    def room_promised(self, space: AddressSpace, waiting: int, room: int) -> None:
        """Books that reserve room for several prepares together."""
        self._promises.room(self.tables.spaces[space.pdb], waiting, room)

    def window_taken(self) -> None:
        """Somebody has the window."""
        self._window.taken()

    def window_released(self) -> None:
        """And lets go of it."""
        self._window.released()
        self._rollback.window_released()

    def window_used(self, bar0: Bar0, base: int) -> None:
        """An access that relies on where the window is."""
        self._window.believed(bar0, base)

    # The hardware

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:
        """An access through the window."""
        self._window.accessed(physical, width, write=write)

    def vram_written(self, address: int, length: int) -> None:
        """Memory, perhaps a table."""
        self._frames.written(address, length)
        self.tables.written(address, length)

    def invalidated(self, pdb: int | None) -> None:
        """The TLB has forgotten."""
        for root, space in self.tables.spaces.items():
            if pdb is None or root == pdb:
                self._changes.invalidated(root, space.name)

    def register_written(self, offset: int, value: int) -> None:
        """Perhaps the window, or the invalidate registers."""
        if offset == self._window_register:
            self._window.moved()
        elif offset in _INVALIDATE_REGISTERS:
            self._invalidate.written(offset, value)

    def translated(self, pdb: int, va: int, translation: Translation, *, hit: bool) -> None:
        """A translation was used."""
        self._translations.used(pdb, va, translation, hit=hit)
        self._used(pdb, va)

    def faulted(self, fault: Fault) -> None:
        """There was none, or it does not allow that."""
        if fault.pdb is not None:
            self._used(fault.pdb, fault.va)

    def _used(self, pdb: int, va: int) -> None:
        space = self.tables.spaces.get(pdb)
        if space is None:
            depend_on(TLB)  # nobody knows who changes its tables
        else:
            self._changes.used(pdb, space.name, va >> PAGE_SHIFT)
