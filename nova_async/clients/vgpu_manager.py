"""Who may have a vGPU: a slot for each, so many of a type, and no two for one guest function (hardware.md 7).

A creation takes its slot under the manager's lock, which decides all races; it builds without the lock, as that takes
long and may fail at every step; and gives the slot back if it does. A vGPU that somebody uses cannot be destroyed.
"""

from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

import anyio

from nova_async.clients.vgpu_creator import VgpuCreator
from nova_async.errors import EBUSY, EEXIST, ENODEV, ENOSPC
from nova_async.mm import Gpu

TOTAL_CHANNELS = 2048
"""ASSUME: what hardware has; an instance gets its share."""


@dataclass(frozen=True, slots=True)
class VgpuType:
    """One line of the table of types.

    Attributes:
        name: as in the table.
        max_instance: how many there may be at a time.
        pages: guest memory of each.
        heap_pages: management heap of each.
    """

    name: str
    max_instance: int
    pages: int = 4
    heap_pages: int = 1


class State(Enum):
    """Where an instance stands."""

    CREATING = "being created"
    READY = "ready"
    DESTROYING = "being destroyed"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Vgpu:
    """One instance.

    Attributes:
        gfid: the guest's function id.
        dbdf: the PCI address of the function that it is passed through as.
        slot: its place among those of its type.
        channels: its channel ids.
        state: where it stands; changed under the manager's lock.
        users: how many have it open.
        undo: gives back what it is built of.
    """

    gfid: int
    dbdf: int
    slot: int
    channels: range
    state: State = State.CREATING
    users: int = 0
    undo: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __repr__(self) -> str:
        return f"<Vgpu {self.gfid} in slot {self.slot}: {self.state.value}, {self.users} users>"


@dataclass(slots=True, eq=False)
class _Slots:
    """The slots of one type, taken or not."""

    taken: list[Vgpu | None]

    def fingerprint(self) -> Hashable:
        return tuple(
            (vgpu.gfid, vgpu.dbdf, vgpu.state.value, vgpu.users) if vgpu is not None else None for vgpu in self.taken
        )

    def take(self, gfid: int, dbdf: int) -> Vgpu:
        """The lowest free slot, for a function that has none.

        Raises:
            EEXIST: the guest function or the PCI function has one, or one that is not gone yet.
            ENOSPC: all are taken.
        """
        for vgpu in self.taken:
            if vgpu is not None and (vgpu.gfid == gfid or vgpu.dbdf == dbdf):
                raise EEXIST(f"vGPU for gfid {gfid}, dbdf {dbdf:#x}: there is {vgpu!r}")
        if None not in self.taken:
            raise ENOSPC(f"vGPU for gfid {gfid}: all {len(self.taken)} instances of its type are taken")
        slot = self.taken.index(None)
        share = TOTAL_CHANNELS // len(self.taken)
        made = self.taken[slot] = Vgpu(gfid, dbdf, slot, range(slot * share, (slot + 1) * share))
        return made


class VgpuManager:
    """All vGPUs of one type on one device.

    Args:
        gpu: whose.
        kind: the type.
    """

    def __init__(self, gpu: Gpu, kind: VgpuType) -> None:
        self.gpu = gpu
        self.kind = kind
        slots = _Slots([None] * kind.max_instance)
        self._slots = gpu.kernel.private_mutex("vgpu_manager", slots, instance=f"{kind.name} slots")

    async def create(self, gfid: int, dbdf: int) -> Vgpu:
        """Build an instance. If anything fails, or this is cancelled, nothing is left of it.

        Raises:
            EEXIST: the function has one.
            ENOSPC: no slot is left, or no VRAM or address space.
            ENOMEM, EIO, ETIMEDOUT: a step failed.
        """
        async with self._slots.lock() as guard:
            vgpu = guard.data.take(gfid, dbdf)
        try:
            await self._build(vgpu)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._free_slot(vgpu)
            raise
        with anyio.CancelScope(shield=True):
            async with self._slots.lock():
                vgpu.state = State.READY
        return vgpu

    async def destroy(self, vgpu: Vgpu) -> None:
        """Take an instance apart; its slot is free afterwards, and not before.

        Raises:
            EBUSY: somebody uses it.
            ENODEV: it is not ready, or somebody else is at it.
            EIO, ETIMEDOUT: the device did not answer; the slot stays taken.
        """
        async with self._slots.lock():
            if vgpu.state is not State.READY:
                raise ENODEV(f"destroy of {vgpu!r}", expected="one that is ready")
            if vgpu.users:
                raise EBUSY(f"destroy of {vgpu!r}", hint="close it first")
            vgpu.state = State.DESTROYING
        with anyio.CancelScope(shield=True):
            await vgpu.undo.aclose()
            await self._free_slot(vgpu)

    @asynccontextmanager
    async def using(self, vgpu: Vgpu) -> AsyncIterator[Vgpu]:
        """Have an instance open: it is not destroyed in this block.

        Raises:
            ENODEV: it is not ready, or not any more.
        """
        async with self._slots.lock():
            if vgpu.state is not State.READY:
                raise ENODEV(f"open of {vgpu!r}", expected="one that is ready")
            vgpu.users += 1
        try:
            yield vgpu
        finally:
            with anyio.CancelScope(shield=True):
                async with self._slots.lock():
                    vgpu.users -= 1

    async def instances(self) -> list[Vgpu]:
        """Those that have a slot now."""
        async with self._slots.lock() as guard:
            return [vgpu for vgpu in guard.data.taken if vgpu is not None]

    async def _build(self, vgpu: Vgpu) -> None:
        creator = VgpuCreator(self.gpu, vgpu.gfid, pages=self.kind.pages, heap_pages=self.kind.heap_pages)
        async with AsyncExitStack() as undo:
            await creator.create(undo)
            vgpu.undo = undo.pop_all()

    async def _free_slot(self, vgpu: Vgpu) -> None:
        async with self._slots.lock() as guard:
            vgpu.state = State.GONE
            guard.data.taken[vgpu.slot] = None
