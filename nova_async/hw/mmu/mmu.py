"""The MMU: the TLB first, the tables in memory on a miss, and a buffer of faults."""

from collections.abc import Iterator, Sequence

from nova_async.hw.chipset import MmuVersion
from nova_async.hw.listener import Listener
from nova_async.hw.mmu import census
from nova_async.hw.mmu.access import Access, Fault, Leaf, MmuFault, Translation
from nova_async.hw.mmu.census import Table
from nova_async.hw.mmu.formats import MmuFormat, format_of
from nova_async.hw.mmu.tlb import HwTlb
from nova_async.hw.mmu.walker import permit, resolve
from nova_async.hw.vram import Vram


class _Fetching:
    """Video memory as the walker sees it: whoever listens is told of every entry that it looks at."""

    __slots__ = ("_listeners", "_vram")

    def __init__(self, vram: Vram, listeners: Sequence[Listener]) -> None:
        self._vram = vram
        self._listeners = listeners

    def read(self, address: int, width: int) -> int:
        for listener in self._listeners:
            listener.entry_fetched(address)
        return self._vram.read(address, width)


class Mmu:
    """Translates for every client of the GPU, BAR1 included.

    Args:
        vram: holds the tables.
        tlb: remembers; a hit does not look at memory, so a stale entry shows.
        version: of the tables, or the exact format of one chip.
        listeners: who is told.

    Attributes:
        format: of the tables.
        tlb: the TLB.
        fault_buffer: every fault so far, oldest first.
    """

    def __init__(
        self, vram: Vram, tlb: HwTlb, version: MmuVersion | MmuFormat, listeners: Sequence[Listener] = ()
    ) -> None:
        self._vram = vram
        self._tables = _Fetching(vram, listeners)
        self._listeners = listeners
        self.format = format_of(version)
        self.tlb = tlb
        self.fault_buffer: list[Fault] = []

    def translate(self, pdb: int, va: int, access: Access) -> Translation:
        """The page of ``va`` in the address space of ``pdb``.

        Raises:
            MmuFault: nothing is mapped, or the access is not allowed; the fault buffer has the record.
        """
        translation = self.tlb.lookup(pdb, va)
        hit = translation is not None
        try:
            if translation is None:
                translation = resolve(self._tables, pdb, self.format, va)
                self.tlb.fill(pdb, translation)
            permit(translation, access, va)
        except MmuFault as fault:
            self.record(Fault(pdb, va, access, fault.kind, fault.level))
            raise
        for listener in self._listeners:
            listener.translated(pdb, va, translation, hit=hit)
        return translation

    def record(self, fault: Fault) -> None:
        """Put ``fault`` into the buffer."""
        self.fault_buffer.append(fault)
        for listener in self._listeners:
            listener.faulted(fault)

    def leaves(self, pdb: int) -> Iterator[Leaf]:
        """Every valid leaf under ``pdb``, as :func:`nova_async.hw.mmu.census.leaves` finds them."""
        return census.leaves(self._vram, pdb, self.format)

    def tables(self, pdb: int) -> Iterator[Table]:
        """Every table under ``pdb``, as :func:`nova_async.hw.mmu.census.tables` finds them."""
        return census.tables(self._vram, pdb, self.format)
