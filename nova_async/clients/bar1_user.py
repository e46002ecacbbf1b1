"""A BAR1 user: maps a buffer into the aperture, writes through it, reads it back, and unmaps."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from nova_async.address import PAGE_SIZE, Pfn
from nova_async.clients.tally import Tally
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import EIO
from nova_async.mm import BarAccess, Gpu
from nova_async.mm.surely import surely

PATTERN = 0xCAFE_BABE_0000_0000


@dataclass(slots=True)
class Bar1User:
    """Somebody who wants the CPU to see its buffer.

    Attributes:
        gpu: shared by all.
        number: which of its kind.
        pages: the size of its buffer.
        rounds: how often the buffer is mapped, one time after the other.
        tally: learns how long each map and unmap took.
    """

    gpu: Gpu
    number: int
    pages: int = 1
    rounds: int = 1
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """``bar1#3``."""
        return f"bar1#{self.number}"

    async def run(self) -> None:
        """Map, use and unmap, ``rounds`` times.

        Raises:
            EIO: a word came back wrong.
        """
        async with AsyncExitStack() as undo:
            undo.push_async_callback(surely, self.gpu.mm.deferred.drain)
            buffer = await self.gpu.mm.alloc_vram(self.pages * PAGE_SIZE, owner=self.name)
            undo.callback(self.gpu.mm.free_vram, buffer)
            for turn in range(self.rounds):
                await self._use(frames_of(buffer), PATTERN + (self.number << 8) + turn)

    async def _use(self, frames: Sequence[Pfn], word: int) -> None:
        async with AsyncExitStack() as undo:
            with self.tally.timing("bar1 map"):
                access = await self.gpu.bar_user.map(frames, writable=True, owner=self.name)
                undo.push_async_callback(self._unmap, access)
            last = access.size - 8
            for offset in (0, last):
                access.try_write64(word + offset, offset)
            if (access.try_read64(0), access.try_read64(last)) != (word, word + last):
                raise EIO(f"{self.name}: BAR1 reads {access.try_read64(0):#x}", expected=f"{word:#x}")

    async def _unmap(self, access: BarAccess) -> None:
        with self.tally.timing("bar1 unmap"):
            await surely(access.unmap)
