"""MMU version 2: Turing, Ampere and Ada. 49-bit addresses, five levels (hardware.md 2.2, 2.3, 2.5)."""

from nova_async.mm.pagetable.format import EntryFormat, Level

VER2 = EntryFormat(
    name="V2",
    directories=(
        Level("Pdb", low_bit=47, entries=4),
        Level("L1", low_bit=38, entries=512),
        Level("L2", low_bit=29, entries=512),
        Level("L3", low_bit=21, entries=256, stride=16, slot_offset=8),
    ),
    address_shift=8,
    frame_bits=25,
    pte_writable=0x01,
    pte_read_only=0x41,
    pde_needs_clear_bit0=True,
    va_bits=49,
)
