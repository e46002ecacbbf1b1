"""BAR1: video memory as the host maps it, through the MMU."""

from dataclasses import dataclass

from nova_async.hw import bus
from nova_async.hw.accessors import Accessors
from nova_async.hw.bus import BusError, Link, Traffic, check_access
from nova_async.hw.clock import Costs, ModelClock
from nova_async.hw.mmu.access import Access, Fault, FaultKind, MmuFault
from nova_async.hw.mmu.formats import Aperture
from nova_async.hw.mmu.instance import InstanceBlock
from nova_async.hw.mmu.mmu import Mmu
from nova_async.hw.registers import BLOCK_MODE_VIRTUAL, BLOCK_PTR, BLOCK_PTR_SHIFT, BLOCK_TARGET
from nova_async.hw.vram import Vram

_VIDEO = 0


class BlockRegister:
    """BAR1_BLOCK: where the instance block is (hardware.md 1).

    ASSUME: the block is fetched when the register is written, not at every access.

    Attributes:
        virtual: addresses go through the MMU; else they are video memory addresses as they stand.
        pdb: the root page directory, None while none is bound.
    """

    def __init__(self, vram: Vram) -> None:
        self._vram = vram
        self._value = 0
        self.virtual = False
        self.pdb: int | None = None

    def read(self) -> int:
        """What was last written."""
        return self._value

    def write(self, value: int) -> None:
        """Bind another block."""
        self._value = value & (BLOCK_PTR.mask | BLOCK_TARGET.mask | BLOCK_MODE_VIRTUAL.mask)
        self.virtual = bool(BLOCK_MODE_VIRTUAL.get(value))
        self.pdb = self._fetch(BLOCK_PTR.get(value) << BLOCK_PTR_SHIFT, BLOCK_TARGET.get(value))

    def _fetch(self, address: int, target: int) -> int | None:
        if not self.virtual or target != _VIDEO:
            return None
        try:
            block = InstanceBlock.read(self._vram, address)
        except BusError:
            return None
        return block.pdb if block.bound else None


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """An access that reaches no memory: what a read returns."""

    word: int


_FAULTED = _Nowhere(bus.PRI_CLIENT_ERROR)  # ASSUME: no source says what a host read that faults returns
_FOREIGN = _Nowhere(bus.PRI_CLIENT_ERROR)  # ASSUME: peer and system memory are not part of the model
_GONE = _Nowhere(bus.GONE)
_ZERO = _Nowhere(0)


class Bar1(Accessors):
    """The host's way to video memory through the page tables of the BAR1 address space.

    An offset is a virtual address. A translation that fails is recorded in the MMU's fault buffer; the read returns
    an error word and the write is dropped (:mod:`nova_async.hw.bus`). ASSUME: the host is an unprivileged client, as
    BAR1 memory may be handed to user space.

    Attributes:
        size: of the BAR, in bytes.
        traffic: what went over the bus.
        block: the register that names the instance block.
    """

    def __init__(
        self, size: int, vram: Vram, mmu: Mmu, link: Link, traffic: Traffic, clock: ModelClock, costs: Costs
    ) -> None:
        self.size = size
        self.block = BlockRegister(vram)
        self._vram = vram
        self._mmu = mmu
        self._link = link
        self.traffic = traffic
        self._clock = clock
        self._read_ns = costs.read_ns
        self._write_ns = costs.write_ns

    def _read(self, offset: int, width: int) -> int:
        check_access("BAR1", offset, width, self.size)
        self.traffic.bar1_reads += 1
        self._clock.now += self._read_ns
        where = self._locate(offset, Access.READ)
        if isinstance(where, _Nowhere):
            return bus.error_value(where.word, width)
        try:
            return self._vram.read(where, width)
        except BusError:
            return bus.error_value(bus.FB_ABSENT, width)

    def _write(self, offset: int, width: int, value: int) -> None:
        check_access("BAR1", offset, width, self.size)
        self.traffic.bar1_writes += 1
        self._clock.now += self._write_ns
        where = self._locate(offset, Access.WRITE)
        if not isinstance(where, _Nowhere) and where + width <= self._vram.size:
            self._vram.write(where, width, value)

    def _locate(self, offset: int, access: Access) -> int | _Nowhere:
        """The video memory address behind ``offset``. Natural alignment keeps an access inside one page."""
        if not self._link.alive:
            return _GONE
        if not self.block.virtual:
            return offset
        pdb = self.block.pdb
        if pdb is None:
            self._mmu.record(Fault(None, offset, access, FaultKind.UNBOUND_INSTANCE_BLOCK, 0))
            return _FAULTED
        try:
            translation = self._mmu.translate(pdb, offset, access)
        except MmuFault:
            return _FAULTED
        if translation.sparse:
            return _ZERO
        if translation.aperture is not Aperture.VIDEO:
            return _FOREIGN
        return translation.physical(offset)
