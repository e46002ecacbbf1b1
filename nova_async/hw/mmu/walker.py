"""From a virtual address through the tables in memory (hardware.md 2.2 to 2.4)."""

from typing import NoReturn, Protocol

from nova_async.hw.bus import BusError
from nova_async.hw.chipset import MmuVersion
from nova_async.hw.mmu.access import Access, FaultKind, MmuFault, Translation
from nova_async.hw.mmu.decode import Pde, PteFlags, decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import Aperture, Level, MmuFormat, format_of

_QWORD = 8
_SPARSE = PteFlags(
    valid=False,
    sparse=True,
    no_small=False,
    aperture=Aperture.VIDEO,
    peer=0,
    uncached=False,
    privileged=False,
    read_only=False,
    atomic_disable=False,
    kind=0,
)


class Memory(Protocol):
    """Where tables lie: video memory, or a dictionary in a test."""

    def read(self, address: int, width: int) -> int:
        """The little-endian word at ``address``; BusError where there is no memory."""
        ...


def walk(memory: Memory, pdb: int, version: MmuVersion | MmuFormat, va: int, access: Access) -> Translation:
    """Translate ``va`` by the tables under the root page directory at ``pdb``.

    Args:
        memory: holds the tables.
        pdb: the address of the root.
        version: of the format, or the exact format of one chip.
        va: the virtual address, in bytes.
        access: what is to be done there.

    Raises:
        MmuFault: nothing is mapped, or the access is not allowed.
    """
    translation = resolve(memory, pdb, format_of(version), va)
    permit(translation, access, va)
    return translation


def permit(translation: Translation, access: Access, va: int) -> None:
    """Refuse what the page does not allow.

    Raises:
        MmuFault: PRIVILEGE, READ_ONLY or ATOMIC.
    """
    flags = translation.flags
    if flags.privileged and not access.privileged:
        raise MmuFault(FaultKind.PRIVILEGE, translation.level, va)
    if flags.read_only and access.writes:
        raise MmuFault(FaultKind.READ_ONLY, translation.level, va)
    if flags.atomic_disable and access.atomic:
        raise MmuFault(FaultKind.ATOMIC, translation.level, va)


def resolve(memory: Memory, pdb: int, layout: MmuFormat, va: int) -> Translation:
    """The page of ``va``, whatever is to be done there.

    Raises:
        MmuFault: nothing is mapped.
    """
    if va >> layout.va_bits:
        raise MmuFault(FaultKind.VA_LIMIT, 0, va)
    return _Walk(memory, layout, va).from_root(pdb)


def page(layout: MmuFormat, level: Level, index: int, va: int, slot: int, word: int) -> Translation:
    """The page that the leaf ``word`` at ``slot`` maps for ``va``; low address bits of a huge page do not count."""
    address, flags = decode_pte(layout.pte, word)
    size = 1 << level.lo
    return Translation(va & -size, size, address & -size, flags, slot, index)


class _Walk:
    """One walk. Every step reads one entry and either ends or goes one level down."""

    __slots__ = ("_layout", "_memory", "_va")

    def __init__(self, memory: Memory, layout: MmuFormat, va: int) -> None:
        self._memory = memory
        self._layout = layout
        self._va = va

    def from_root(self, table: int) -> Translation:
        layout = self._layout
        for index, level in enumerate(layout.directories):
            slot = level.slot(table, self._va)
            word = self._read(slot, index)
            if layout.is_pte.get(word):
                return self._huge(level, index, slot, word)
            pde = decode_pde(layout.pde, word)
            if pde.sparse:
                return self._sparse(level, index, slot)
            table = self._table(pde, index)
        return self._from_dual(table)

    def _from_dual(self, table: int) -> Translation:
        layout, index = self._layout, self._layout.dual_index
        slot = layout.dual.slot(table, self._va)
        low, high = self._read(slot, index), self._read(slot + _QWORD, index)
        if layout.is_pte.get(low):
            return self._huge(layout.dual, index, slot, low)
        dual = decode_dual(layout, low, high)
        if dual.sparse:
            return self._sparse(layout.dual, index, slot)
        if dual.big.present:
            return self._from_big(dual.big, dual.small)
        return self._leaf(layout.small, self._table(dual.small, index))

    def _from_big(self, big: Pde, small: Pde) -> Translation:
        """A valid big PTE wins (inferred); else the small table decides, unless the big PTE says not to look."""
        layout, index = self._layout, self._layout.dual_index
        table = self._table(big, index)
        slot = layout.big.slot(table, self._va)
        flags = decode_pte(layout.pte, self._read(slot, index + 1)).flags
        if flags.valid or flags.no_small or not small.present:
            return self._leaf(layout.big, table)
        return self._leaf(layout.small, self._table(small, index))

    def _leaf(self, level: Level, table: int) -> Translation:
        index = self._layout.dual_index + 1
        slot = level.slot(table, self._va)
        found = page(self._layout, level, index, self._va, slot, self._read(slot, index))
        if found.flags.sparse:
            return self._sparse(level, index, slot)
        if not found.flags.valid:
            self._fault(FaultKind.PTE, index)
        return found

    def _huge(self, level: Level, index: int, slot: int, word: int) -> Translation:
        if not level.leaf:  # ASSUME: a leaf at a level that has none is a malformed directory entry
            self._fault(FaultKind.PDE, index)
        return page(self._layout, level, index, self._va, slot, word)

    def _sparse(self, level: Level, index: int, slot: int) -> Translation:
        return Translation(self._va & -level.covers, level.covers, 0, _SPARSE, slot, index)

    def _table(self, pde: Pde, index: int) -> int:
        if not pde.present:
            self._fault(FaultKind.PDE, index)
        if pde.aperture is not Aperture.VIDEO:  # ASSUME: system memory is not part of the model
            self._fault(FaultKind.UNSUPPORTED_APERTURE, index)
        return pde.address

    def _read(self, address: int, index: int) -> int:
        try:
            return self._memory.read(address, _QWORD)
        except BusError:  # ASSUME: a table beyond the memory is a region violation
            self._fault(FaultKind.REGION, index)

    def _fault(self, kind: FaultKind, index: int) -> NoReturn:
        raise MmuFault(kind, index, self._va)
