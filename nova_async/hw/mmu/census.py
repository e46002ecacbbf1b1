"""Every table and every leaf that hardware reaches from a root, by what memory holds now.

Only present entries are followed, and each table is read in one go. What hides behind a valid big PTE, or behind an
entry that makes the walk fault, is not reached and not listed. A table that two entries point to is listed twice.
"""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from nova_async.hw.chipset import MmuVersion
from nova_async.hw.mmu.access import Leaf
from nova_async.hw.mmu.decode import Pde, decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import Aperture, Level, MmuFormat, format_of
from nova_async.hw.mmu.walker import page
from nova_async.hw.vram import Vram

_QWORD = 8


class Table(NamedTuple):
    """One table in use.

    Attributes:
        address: of the table.
        level: the root is 0, the tables of 4 KiB and 64 KiB pages are the last.
        kind: the level it is laid out by.
        va: the first virtual address that it is responsible for.
        slot: the address of the entry that points to it, None for the root. For a half of a dual entry it is the
            address of the whole 16-byte entry.
        aperture: the memory it lies in; only tables in video memory are looked into.
        big: for a small table, the address of the big table beside it, if any.
    """

    address: int
    level: int
    kind: Level
    va: int
    slot: int | None
    aperture: Aperture = Aperture.VIDEO
    big: int | None = None


def tables(vram: Vram, pdb: int, version: MmuVersion | MmuFormat) -> Iterator[Table]:
    """Every table under the root page directory at ``pdb``, the root first, parents before children.

    Args:
        vram: holds the tables.
        pdb: the address of the root.
        version: of the format, or the exact format of one chip.
    """
    layout = format_of(version)
    pending = [Table(pdb, 0, layout.directories[0], 0, None)]
    while pending:
        table = pending.pop()
        yield table
        pending += reversed(list(_children(vram, layout, table)))


def leaves(vram: Vram, pdb: int, version: MmuVersion | MmuFormat) -> Iterator[Leaf]:
    """Every valid leaf under ``pdb``, table by table; exactly the pages that a walk would find.

    Args:
        vram: holds the tables.
        pdb: the address of the root.
        version: of the format, or the exact format of one chip.
    """
    layout = format_of(version)
    for table in tables(vram, pdb, layout):
        if table.kind.leaf:
            yield from _leaves_in(vram, layout, table)


def _children(vram: Vram, layout: MmuFormat, table: Table) -> Iterator[Table]:
    if table.level < layout.dual_index:
        yield from _directory_children(vram, layout, table)
    elif table.level == layout.dual_index:
        yield from _dual_children(vram, layout, table)


def _directory_children(vram: Vram, layout: MmuFormat, table: Table) -> Iterator[Table]:
    level, kind = table.level + 1, table.kind
    below = layout.directories[level] if level < layout.dual_index else layout.dual
    is_pte = layout.is_pte.mask
    for index, word in enumerate(_words(vram, table)):
        if not word or word & is_pte:
            continue
        pde = decode_pde(layout.pde, word)
        if pde.aperture is not None:
            va, slot = table.va + index * kind.covers, table.address + index * kind.entry_bytes
            yield Table(pde.address, level, below, va, slot, pde.aperture)


def _dual_children(vram: Vram, layout: MmuFormat, table: Table) -> Iterator[Table]:
    kind = table.kind
    words = _words(vram, table)
    for index, (low, high) in enumerate(zip(words[::2], words[1::2], strict=True)):
        if low & layout.is_pte.mask or not low | high:
            continue
        dual = decode_dual(layout, low, high)
        va, slot = table.va + index * kind.covers, table.address + index * kind.entry_bytes
        yield from _halves(vram, layout, (dual.big, dual.small), va, slot)


def _halves(vram: Vram, layout: MmuFormat, halves: tuple[Pde, Pde], va: int, slot: int) -> Iterator[Table]:
    big, small = halves
    level = layout.dual_index + 1
    beside = None
    if big.aperture is not None:
        table = Table(big.address, level, layout.big, va, slot, big.aperture)
        yield table
        if not _words(vram, table):
            return  # the walk faults at the big half and never comes to the small one
        beside = big.address
    if small.aperture is not None:
        yield Table(small.address, level, layout.small, va, slot, small.aperture, beside)


def _leaves_in(vram: Vram, layout: MmuFormat, table: Table) -> Iterator[Leaf]:
    kind, size, step = table.kind, table.kind.covers, table.kind.entry_bytes
    hidden = _hidden_groups(vram, layout, table)
    group_shift = layout.big.lo - kind.lo
    valid = layout.pte.valid.mask
    for index, word in enumerate(_words(vram, table)[:: step // _QWORD]):
        if word & valid and not (hidden and index >> group_shift in hidden):
            yield page(layout, kind, table.level, table.va + index * size, table.address + index * step, word)


def _hidden_groups(vram: Vram, layout: MmuFormat, table: Table) -> frozenset[int]:
    """The 64 KiB groups of a small table that its big neighbour decides."""
    if table.big is None:
        return frozenset()
    neighbour = Table(table.big, table.level, layout.big, table.va, table.slot)
    flags = (decode_pte(layout.pte, word).flags for word in _words(vram, neighbour))
    return frozenset(index for index, flag in enumerate(flags) if flag.valid or flag.no_small)


def _words(vram: Vram, table: Table) -> "array[int]":
    """The words of a table; none if it lies where nothing can be read."""
    size = table.kind.table_bytes
    if table.aperture is not Aperture.VIDEO or table.address + size > vram.size:
        return array("Q")
    return vram.read_run(table.address, size // _QWORD)
