"""Buffers that memory management may take away while nobody uses them: GEM objects of a VM.

A buffer is *resident* while it has video memory and is mapped. Where it is, is said under its reservation; jobs that
use it add their fences there, and whoever takes the memory away waits for these first.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import anyio

from nova_async.address import PAGE_SIZE
from nova_async.clients.engine import Touch
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vm import Vm
from nova_async.errors import EBUSY
from nova_async.kernel import DmaResv, Usage
from nova_async.mm import MappedRange
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.surely import surely


@dataclass(slots=True, eq=False)
class Place:
    """Where a buffer is: in these blocks and mapped there, or nowhere."""

    blocks: AllocatedBlocks | None = None
    mapped: MappedRange | None = None

    def fingerprint(self) -> Hashable:
        """Which allocation it is in, by birth; which addresses it has follows."""
        return self.blocks.fingerprint() if self.blocks is not None else None


class GemObject:
    """One buffer.

    Args:
        vm: where it is mapped.
        name: for reports; also the owner of its memory.
        pages: its size.

    Attributes:
        resv: guards where it is.
    """

    def __init__(self, vm: Vm, name: str, pages: int = 1) -> None:
        self.vm = vm
        self.name = name
        self.pages = pages
        self.resv: DmaResv[Place] = vm.gpu.kernel.resv(name, Place())

    def __repr__(self) -> str:
        return f"<GemObject {self.name}>"

    def fingerprint(self) -> Hashable:
        """Its name: the reservation says the rest."""
        return self.name

    def touches(self, place: Place) -> list[Touch]:
        """What a job on the whole buffer writes to.

        Raises:
            EBUSY: it is not resident.
        """
        if place.blocks is None or place.mapped is None:
            raise EBUSY(f"{self.name}: used while it is evicted", expected="a resident buffer")
        frames = frames_of(place.blocks)
        pdb = self.vm.vmm.pdb_addr
        return [Touch(pdb, vfn, pfn) for vfn, pfn in zip(place.mapped.frames, frames, strict=True)]

    async def populate(self, place: Place) -> None:
        """Give it memory, zeroed, and map it. Under the reservation, outside of the fence path.

        Raises:
            ENOSPC, ENOMEM, EIO, ETIMEDOUT: there is none, or it could not be mapped; it stays evicted.
        """
        mm = self.vm.gpu.mm
        blocks = await mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
        try:
            place.mapped = await self.vm.vmm.map_pages(frames_of(blocks), writable=True, owner=self.name)
        except BaseException:
            mm.free_vram(blocks)
            raise
        place.blocks = blocks

    async def evict(self, place: Place) -> None:
        """Unmap it and give its memory back. Under the reservation, once its fences have signalled; fit for reclaim.

        What was in it is lost: the model has no place to copy it to. The memory goes on the deferred list, because who
        reclaims may hold the allocator's lock.

        Raises:
            EIO, ETIMEDOUT: it could not be unmapped; it stays resident.
        """
        if place.mapped is None or place.blocks is None:
            return
        await surely(partial(self.vm.vmm.unmap_pages, place.mapped))
        self.vm.gpu.mm.free_vram(place.blocks)
        place.mapped = place.blocks = None

    async def close(self) -> None:
        """The last reference is gone: wait for its users and give everything back. Cannot be cancelled."""
        with anyio.CancelScope(shield=True):
            with await self.resv.lock() as guard:
                await self.resv.wait(Usage.BOOKKEEP)
                await self.evict(guard.data)
            await surely(self.vm.gpu.mm.deferred.drain)
