"""A page mapper: keeps a buffer and maps it into an address space that it shares with others, again and again.

It does by itself, in one task, what a DRM submitter leaves to a queue: prepare where it may allocate, execute and unmap
in the signalling section.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio

from nova_async.address import PAGE_SIZE, Pfn, Vfn
from nova_async.clients.tally import Tally
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EIO
from nova_async.mm import Gpu, MappedRange, PreparedMapping, Vmm
from nova_async.mm.mapping import Stage
from nova_async.mm.surely import surely


@dataclass(slots=True)
class PageMapper:
    """One of several users of one Vmm.

    Attributes:
        gpu: shared by all.
        vmm: perhaps shared with others.
        number: which of its kind.
        pages: the size of its buffer.
        rounds: how often it is mapped, one time after the other.
        tally: learns how long each map and unmap took.
    """

    gpu: Gpu
    vmm: Vmm
    number: int
    pages: int = 2
    rounds: int = 1
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """``mapper#3``."""
        return f"mapper#{self.number}"

    async def run(self) -> None:
        """Map, look and unmap, ``rounds`` times.

        Raises:
            EIO: a page is not mapped where the mapping says.
        """
        async with AsyncExitStack() as undo:
            undo.push_async_callback(surely, self.gpu.mm.deferred.drain)
            buffer = await self.gpu.mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
            undo.callback(self.gpu.mm.free_vram, buffer)
            frames = frames_of(buffer)
            for _ in range(self.rounds):
                await self._map_once(frames)

    async def _map_once(self, frames: Sequence[Pfn]) -> None:
        async with AsyncExitStack() as undo:
            with self.tally.timing("map"):
                prepared = await self.vmm.prepare_map(len(frames))
                undo.push_async_callback(self._abort, prepared)
                with self.gpu.kernel.lockdep.signalling():
                    mapped = await self.vmm.execute_map(prepared, frames, writable=True, owner=self.name)
                    undo.push_async_callback(self._unmap, mapped)
            last = Vfn(mapped.vfn_start + mapped.num_pages - 1)
            if await self.vmm.read_mapping(last) != frames[-1]:
                raise EIO(f"{self.name}: virtual frame {last:#x} does not map {frames[-1]!r}")

    async def _abort(self, prepared: PreparedMapping) -> None:
        """Give a preparation back that did not become a mapping."""

        async def abort() -> None:
            await self.vmm.abort(prepared)

        if prepared.stage is not Stage.GONE:
            await surely(abort)

    async def _unmap(self, mapped: MappedRange) -> None:
        async def unmap() -> None:
            await self.vmm.unmap_pages(mapped)

        with self.tally.timing("unmap"), anyio.CancelScope(shield=True), self.gpu.kernel.lockdep.signalling():
            await surely(unmap)
