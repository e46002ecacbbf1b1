"""MMU version 3: Hopper and Blackwell. 57-bit addresses, six levels (hardware.md 2.2, 2.4, 2.5)."""

from nova_async.mm.pagetable.format import EntryFormat, Level

VER3 = EntryFormat(
    name="V3",
    directories=(
        Level("Pdb", low_bit=56, entries=2),
        Level("L1", low_bit=47, entries=512),
        Level("L2", low_bit=38, entries=512),
        Level("L3", low_bit=29, entries=512),
        Level("L4", low_bit=21, entries=256, stride=16, slot_offset=8),
    ),
    address_shift=12,
    frame_bits=40,
    pte_writable=0x041,
    pte_read_only=0x061,
    pde_needs_clear_bit0=False,
    va_bits=57,
)
