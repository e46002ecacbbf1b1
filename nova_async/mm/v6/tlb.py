"""TLB invalidation of January 2026: the three registers, written one by one by whoever comes (hazards.md j).

As there is no lock, nobody has the registers to himself between two writes; so each write, by whom and when, and how
much time has passed are told to an explorer, which leaves the registers out where a lock guards them.
"""

from nova_async.errors import ETIMEDOUT
from nova_async.hw.bar0 import Bar0
from nova_async.hw.clock import ModelClock
from nova_async.kernel import FaultPlan
from nova_async.mm.regs import INVALIDATE, INVALIDATE_ALL_VA, INVALIDATE_TRIGGER, PDB_HI, PDB_LO, pdb_words
from nova_async.mm.tlb import FIRST_POLL_NS, TIMEOUT_NS
from nova_async.mm.v6.devres import Devres
from nova_async.point import caller, observe, point, share


class Tlb:
    """The invalidate registers, without a lock and without a look whether an invalidate is in flight.

    Args:
        bar: BAR0.
        clock: model time, for the timeout.
        faults: what goes wrong on purpose.
    """

    def __init__(self, bar: Devres, clock: ModelClock, faults: FaultPlan) -> None:
        self._bar = bar
        self._clock = clock
        self._faults = faults

    async def flush(self, pdb: int) -> None:
        """Forget every translation of one address space, if nobody else writes the registers meanwhile.

        Raises:
            ENODEV: the driver was unbound.
            ETIMEDOUT: the trigger did not clear within 2 s of model time.
        """
        low, high = pdb_words(pdb)
        bar0 = self._bar.try_access()
        control = INVALIDATE_TRIGGER | INVALIDATE_ALL_VA
        for register, value in ((PDB_LO, low), (PDB_HI, high), (INVALIDATE, control)):
            await point(self._bar.tell)
            bar0.write32(register, value)
            writer = caller()
            share(f"register {register:#x}", (value, writer, self._clock.now))
            self._share_time()
        await self._poll(bar0, pdb)

    async def _poll(self, bar0: Bar0, pdb: int) -> None:
        """The kernel polls without a pause; here pauses double, so that 2 s are 20 reads and not millions."""
        deadline = self._clock.now + TIMEOUT_NS
        pause = FIRST_POLL_NS
        while await self._busy(bar0):
            if self._clock.now >= deadline:
                raise ETIMEDOUT(f"tlb: the invalidate for pdb {pdb:#x} is still running", expected="it done within 2 s")
            self._clock.advance(pause)
            self._share_time()
            pause *= 2

    async def _busy(self, bar0: Bar0) -> bool:
        await point(self._bar.ask)
        if self._faults.strikes("tlb"):
            self._clock.advance(TIMEOUT_NS)
            busy = True
        else:
            busy = bool(bar0.read32(INVALIDATE) & INVALIDATE_TRIGGER)
        observe(busy)
        self._share_time()
        return busy

    def _share_time(self) -> None:
        """When an invalidate is done is a matter of time; and whoever accesses a register makes time pass for all."""
        share("model time", self._clock.now)
