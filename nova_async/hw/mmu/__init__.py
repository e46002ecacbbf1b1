"""The GPU's MMU: formats, decoding, walks, the TLB, and a census of what the tables in memory say.

::

    formats   bit positions and levels of V2 and V3, as data
    decode    one entry to its meaning, by those tables
    access    what is asked of the MMU, and what it answers
    walker    from a virtual address through the tables to its translation
    census    every table and every leaf that a root reaches
    tlb       translations remembered
    mmu       TLB, walker and fault buffer together
    instance  the block that tells BAR1 its page directory
"""

from nova_async.hw.mmu.access import Access, Fault, FaultKind, Leaf, MmuFault, Translation
from nova_async.hw.mmu.census import Table, leaves, tables
from nova_async.hw.mmu.formats import Aperture, MmuFormat, format_of
from nova_async.hw.mmu.mmu import Mmu
from nova_async.hw.mmu.tlb import HwTlb
from nova_async.hw.mmu.walker import walk

__all__ = [
    "Mmu",
    "HwTlb",
    "Access",
    "Translation",
    "MmuFault",
    "FaultKind",
    "Fault",
    "walk",
    "leaves",
    "tables",
    "Leaf",
    "Table",
    "MmuFormat",
    "format_of",
    "Aperture",
]
