"""The TLB-invalidate registers (hardware.md 3).

One set of three registers serves everybody. The driver writes the page directory base to LO and HI, then CTRL with
the trigger bit, and polls CTRL until the trigger reads 0.

What the model does where the manuals are silent (ASSUME):

- The TLB forgets at the moment of the trigger, by what LO and HI hold at that moment. Writing LO or HI while an
  invalidate is in flight is accepted and does not change it; two drivers that interleave their three writes still
  lose one of the two invalidates, which is the hazard.
- A trigger while another is in flight takes effect too, and the bit reads 1 until the later one is done.
- A stuck unit stays busy, and the TLB keeps everything, until it is no longer stuck; then it forgets what was asked.
- Without "all VA" the invalidate names single addresses in registers that the facts do not list; nothing is forgotten.
- "Hub only" and the cache level make no difference: the model has one TLB and it holds whole translations.
"""

from nova_async.hw.bus import Traffic
from nova_async.hw.clock import ModelClock
from nova_async.hw.mmu.tlb import HwTlb
from nova_async.hw.register_file import Latch, RegisterFile
from nova_async.hw.registers import (
    INVALIDATE,
    INVALIDATE_ALL_PDB,
    INVALIDATE_ALL_VA,
    INVALIDATE_PDB,
    INVALIDATE_SKIPPED,
    INVALIDATE_TRIGGER,
    INVALIDATE_UPPER_PDB,
    PDB_HI,
    PDB_HI_SHIFT,
    PDB_LO,
    PDB_LO_SHIFT,
    PDB_SYSTEM,
)

_STORED = ((1 << 32) - 1) & ~INVALIDATE_TRIGGER.mask & ~INVALIDATE_SKIPPED.mask


class InvalidateUnit:
    """The block behind the three registers.

    Args:
        tlb: what it empties.
        clock: of the model.
        duration_ns: from trigger to done.
        traffic: where triggers are counted.
    """

    def __init__(self, tlb: HwTlb, clock: ModelClock, duration_ns: int, traffic: Traffic) -> None:
        self._tlb = tlb
        self._clock = clock
        self._duration_ns = duration_ns
        self._traffic = traffic
        self._lo = Latch(PDB_SYSTEM.mask | PDB_LO.mask)
        self._hi = Latch(PDB_HI.mask)
        self._control = 0
        self._done_at = 0
        self._pending = False
        self._stuck = False
        self._owed: list[int | None] = []

    def add_to(self, registers: RegisterFile) -> None:
        """Put the three registers at their offsets."""
        registers.add(INVALIDATE_PDB, self._lo)
        registers.add(INVALIDATE_UPPER_PDB, self._hi)
        registers.add(INVALIDATE, self)

    @property
    def stuck(self) -> bool:
        """While set, an invalidate never completes. For fault plans."""
        return self._stuck

    @stuck.setter
    def stuck(self, stuck: bool) -> None:
        self._stuck = stuck
        if not stuck:
            self._forget(self._owed)
            self._owed = []

    @property
    def pdb(self) -> int:
        """The page directory base that LO and HI hold now."""
        return PDB_LO.get(self._lo.value) << PDB_LO_SHIFT | PDB_HI.get(self._hi.value) << PDB_HI_SHIFT

    @property
    def busy(self) -> bool:
        """Whether an invalidate is in flight."""
        if self._pending and not self._stuck and self._clock.now >= self._done_at:
            self._pending = False
        return self._pending

    def read(self) -> int:
        """CTRL: what was written, and the trigger while in flight."""
        return self._control | INVALIDATE_TRIGGER.put(int(self.busy))

    def write(self, value: int) -> None:
        """CTRL: with the trigger bit, start an invalidate."""
        self._control = value & _STORED
        if not value & INVALIDATE_TRIGGER.mask:
            return
        self._traffic.flushes += 1
        self._pending = True
        self._done_at = self._clock.now + self._duration_ns
        if self._stuck:
            self._owed += self._scope(value)
        else:
            self._forget(self._scope(value))

    def _scope(self, control: int) -> list[int | None]:
        """The address spaces that an invalidate with this CTRL names now; None is everybody."""
        if not INVALIDATE_ALL_VA.get(control):
            return []
        if INVALIDATE_ALL_PDB.get(control):
            return [None]
        in_system_memory = PDB_SYSTEM.get(self._lo.value)  # where no page directory of the model lies
        return [] if in_system_memory else [self.pdb]

    def _forget(self, scope: list[int | None]) -> None:
        for pdb in scope:
            self._tlb.invalidate(pdb)
