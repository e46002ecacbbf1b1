"""TLB invalidation: three registers, one set of them, so one lock from the first write to the trigger's end.

hardware.md 3: PDB low, PDB high, then the control word with the trigger; the trigger reads 1 until the invalidate is
done. The driver polls it for up to 2 s.
"""

from nova_async.errors import ETIMEDOUT
from nova_async.hw.bar0 import Bar0
from nova_async.hw.clock import ModelClock
from nova_async.kernel import Kernel
from nova_async.mm.binding import Binding
from nova_async.mm.lock_order import TLB
from nova_async.mm.regs import INVALIDATE, INVALIDATE_ALL_VA, INVALIDATE_TRIGGER, PDB_HI, PDB_LO, pdb_words

TIMEOUT_NS = 2_000_000_000
FIRST_POLL_NS = 1_000


class Tlb:
    """The invalidate registers of one device."""

    def __init__(self, kernel: Kernel, bar0: Bar0, clock: ModelClock, binding: Binding | None = None) -> None:
        self._bar0 = bar0
        self._binding = binding or Binding(kernel.faults)
        self._clock = clock
        self._faults = kernel.faults
        self._lockdep = kernel.lockdep
        self._lock = kernel.mutex(TLB, None)

    async def flush(self, pdb: int) -> None:
        """Forget every translation of one address space.

        The registers are written only once no invalidate is in flight, as RM does: after a timeout the trigger may
        still be set, and new PDB registers would redirect an invalidate that has not happened yet (hazards.md j).
        Once the device is gone there is nothing to forget.

        Raises:
            ETIMEDOUT: the hardware did not finish within 2 s of model time; stale translations may remain.
        """
        low, high = pdb_words(pdb)
        async with self._lock.lock():
            self._binding.may_end()
            if not self._binding.bound:
                return
            self._wait_idle(pdb)
            self._bar0.write32(PDB_LO, low)
            self._bar0.write32(PDB_HI, high)
            self._bar0.write32(INVALIDATE, INVALIDATE_TRIGGER | INVALIDATE_ALL_VA)
            self._wait_idle(pdb)

    def _wait_idle(self, pdb: int) -> None:
        """Poll the trigger, sleeping in model time for twice as long each time.

        The kernel's poll cannot be killed, so nothing is awaited here; the registers belong to the lock's holder.
        """
        self._lockdep.might_sleep("TLB invalidate poll")
        deadline = self._clock.now + TIMEOUT_NS
        pause = FIRST_POLL_NS
        while self._busy():
            if self._clock.now >= deadline:
                raise ETIMEDOUT(f"tlb: the invalidate for pdb {pdb:#x} is still running", expected="it done within 2 s")
            self._clock.advance(min(pause, deadline - self._clock.now))
            pause *= 2

    def _busy(self) -> bool:
        if self._faults.strikes("tlb"):
            self._clock.advance(TIMEOUT_NS)
            return True
        return bool(self._bar0.read32(INVALIDATE) & INVALIDATE_TRIGGER)
