"""The silicon: chips, registers, BAR0 and BAR1, video memory, the MMU and its TLB.

Passive and synchronous: no locks, no policy, no tasks. It trusts nobody, and it decodes page tables from the field
tables of the manuals (:mod:`nova_async.hw.mmu.formats`), sharing nothing with the driver that encodes them, so that
two equal mistakes cannot hide.

Start at :class:`nova_async.hw.board.Board`, which wires one GPU together.
"""
