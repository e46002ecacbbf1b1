"""What a recorder is told of one device: its memory, its address spaces, its tables, its TLB."""

from collections.abc import Iterator

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.events import Detail, EventKind
from nova_async.hw.listener import Listener
from nova_async.hw.mmu.access import Fault
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks, GpuBuddy
from nova_async.mm.observer import AddressSpace, Call, Observer
from nova_async.scenario.recording import Recording

FIRMWARE = "firmware"
"""Whose the pages are that the driver cannot allocate; what it writes there are page tables that firmware made."""

_WORD = 8
_DONE = {"execute_map": EventKind.MAP, "unmap_pages": EventKind.UNMAP}


class DeviceRecording(Listener, Observer):
    """Watches one device from :meth:`attach` on.

    Args:
        recording: is told.
        gpu: freshly probed.
        prefix: in front of every resource; tells the devices of one world apart.
    """

    def __init__(self, recording: Recording, gpu: Gpu, prefix: str = "") -> None:
        self._record = recording.record
        self._gpu = gpu
        self._prefix = prefix
        self._free: dict[GpuBuddy, int] = {}
        self._tables: dict[int, str] = {}

    def attach(self) -> None:
        """Begin, with what firmware has left in its part of memory."""
        vram = self._gpu.board.vram
        for frame in vram.touched_pages:
            if self._table_owner(frame):
                self.vram_written(frame << PAGE_SHIFT, PAGE_SIZE)
        for vmm in self._gpu.address_spaces:
            if vmm.space is not None:
                self.space_opened(vmm.space)
        self._gpu.mm.observers.append(self)
        self._gpu.board.listeners.append(self)

    # The driver

    def blocks_allocated(self, allocated: AllocatedBlocks) -> None:
        """Pages or addresses have an owner."""
        if self._is_vram(allocated) and allocated.owner.endswith(" tables"):
            self._tables |= {frame: allocated.owner for run in allocated.frames() for frame in run}
        self._tell_blocks(EventKind.VRAM_ALLOC, EventKind.VA_ALLOC, allocated, -allocated.size)

    def blocks_freed(self, allocated: AllocatedBlocks) -> None:
        """Pages or addresses are nobody's; before they are scrubbed they still are somebody's."""
        if allocated.live:
            return
        if self._is_vram(allocated):
            for run in allocated.frames():
                for frame in run:
                    self._tables.pop(frame, None)
        self._tell_blocks(EventKind.VRAM_FREE, EventKind.VA_FREE, allocated, allocated.size)

    def space_opened(self, space: AddressSpace) -> None:
        """A new address space."""
        self._tables.setdefault(space.pdb >> PAGE_SHIFT, f"{space.name} root")
        self._tell(EventKind.SPACE_OPEN, space.name, pdb=int(space.pdb), mmu=int(self._gpu.chipset.mmu_version))

    def space_closed(self, space: AddressSpace) -> None:
        """The end of one."""
        self._tell(EventKind.SPACE_CLOSE, space.name, pdb=int(space.pdb))

    def call_begins(self, call: Call) -> None:
        """An operation on an address space."""
        if call.space is not None:
            self._tell(EventKind.CALL_BEGIN, call.space.name, call=call.name)

    def call_ends(self, call: Call, *, failed: bool) -> None:
        """It is over."""
        if call.space is None:
            return
        if not failed and call.name in _DONE and call.mapping is not None:
            frames = call.mapping.frames
            detail: dict[str, Detail] = {"va": frames.start << PAGE_SHIFT, "pages": len(frames)}
            if call.owner:
                detail["owner"] = call.owner
            self._tell(_DONE[call.name], call.space.name, **detail)
        self._tell(EventKind.CALL_END, call.space.name, call=call.name, outcome="failed" if failed else "ok")

    # The hardware

    def vram_written(self, address: int, length: int) -> None:
        """Memory; where it is a table, its new words."""
        for start, count in _words_by_page(address, length):
            owner = self._table_owner(start >> PAGE_SHIFT)
            if not owner:
                continue
            values = self._gpu.board.vram.read_run(start, count)
            page = start & -PAGE_SIZE
            if any(values) or count == 1:
                words = tuple((start + _WORD * index, value) for index, value in enumerate(values))
                self._tell(EventKind.ENTRY_WRITE, owner, page=page, words=words)
            else:
                self._tell(EventKind.ENTRY_WRITE, owner, page=page, cleared=((start, count * _WORD),))

    def register_written(self, offset: int, value: int) -> None:  # noqa: ARG002  the listener's signature
        """Perhaps the window."""
        if offset == self._gpu.chipset.window.offset:
            self._tell(EventKind.WINDOW_MOVE, "pramin window", base=self._gpu.board.bar0.window.base)

    def invalidated(self, pdb: int | None) -> None:
        """The TLB forgot."""
        self._tell(EventKind.TLB_INVALIDATE, "all" if pdb is None else f"{pdb:#x}")

    def faulted(self, fault: Fault) -> None:
        """The MMU refused."""
        self._tell(EventKind.MMU_FAULT, fault.kind.name, va=fault.va, pdb=fault.pdb or 0)

    def _tell(self, kind: EventKind, resource: str, **detail: Detail) -> None:
        self._record(kind, self._prefix + resource, detail)

    def _tell_blocks(self, vram: EventKind, va: EventKind, allocated: AllocatedBlocks, freed: int) -> None:
        buddy = allocated.buddy
        self._free[buddy] = self._free.get(buddy, buddy.size) + freed
        self._tell(
            vram if self._is_vram(allocated) else va,
            buddy.name,
            owner=allocated.owner,
            bytes=allocated.size,
            blocks=tuple((buddy.base + block.offset, block.size) for block in allocated.blocks),
            free=self._free[buddy],
        )

    def _is_vram(self, allocated: AllocatedBlocks) -> bool:
        return allocated.buddy is self._gpu.mm.buddy

    def _table_owner(self, frame: int) -> str:
        """Whose tables are in a page; empty if it holds none."""
        if frame << PAGE_SHIFT not in self._gpu.mm.usable:
            return self._tables.get(frame, FIRMWARE)
        return self._tables.get(frame, "")


def _words_by_page(address: int, length: int) -> Iterator[tuple[int, int]]:
    """(first word, how many words) of a write, page by page."""
    start, end = address & -_WORD, -(-(address + length) // _WORD) * _WORD
    while start < end:
        stop = min(end, (start & -PAGE_SIZE) + PAGE_SIZE)
        yield start, (stop - start) // _WORD
        start = stop
