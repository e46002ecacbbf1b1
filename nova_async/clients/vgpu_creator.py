"""A vGPU creator: takes a VRAM slot, builds an address space, talks to its plugin through BAR1, tears down.

The order of the steps is hardware.md 7. The plugin, which would run on the GPU, is played through PRAMIN: it answers
the control region that the creator fills through BAR1, so every creation proves that both ways lead to the same memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from nova_async.address import PAGE_SIZE, Pfn, Vfn, VramAddress
from nova_async.clients.tally import Tally
from nova_async.errors import EIO
from nova_async.mm import BarAccess, Gpu, Vmm
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.surely import surely
from nova_async.point import forgetting, observe_guarded

CONTROL_WORDS = 12
"""About a dozen writes fill the control region (hardware.md 7, step 5)."""
MARKER = 0xC0FFEE00
ANSWER = 0xFEEDF00D


@dataclass(slots=True)
class VgpuCreator:
    """Creates and destroys one vGPU.

    Attributes:
        gpu: shared by all.
        gfid: the guest's function id.
        pages: the size of its partition.
        heap_pages: the size of its management heap, mapped into BAR1.
        rounds: how often it does so.
        tally: learns how long each creation and destruction took.
    """

    gpu: Gpu
    gfid: int
    pages: int = 4
    heap_pages: int = 1
    rounds: int = 1
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """``vgpu#3``."""
        return f"vgpu#{self.gfid}"

    async def run(self) -> None:
        """Create, use and destroy, ``rounds`` times.

        Raises:
            EIO: a value came back wrong.
        """
        for _ in range(self.rounds):
            async with AsyncExitStack() as undo:
                with self.tally.timing("vgpu create"):
                    await self.create(undo)
                destroy = undo.pop_all()
                with self.tally.timing("vgpu destroy"):
                    await destroy.aclose()

    async def create(self, undo: AsyncExitStack) -> None:
        """Build one and talk to its plugin.

        Args:
            undo: takes apart what is there, also if this fails.

        Raises:
            ENOSPC, ENOMEM, ETIMEDOUT: a step failed.
            EIO: one did, or a value came back wrong.
        """
        undo.push_async_callback(surely, self.gpu.mm.deferred.drain)
        slot = await self._allocate(undo, self.pages)
        heap = await self._allocate(undo, self.heap_pages)
        await self._map_partition(undo, await self._build_address_space(undo), slot)
        undo.enter_context(_nothing_stays("heap"))
        await self._talk(await self._map_heap(undo, heap), heap)

    async def _allocate(self, undo: AsyncExitStack, pages: int) -> AllocatedBlocks:
        blocks = await self.gpu.mm.alloc_vram(pages * PAGE_SIZE, owner=self.name)
        undo.callback(self.gpu.mm.free_vram, blocks)
        return blocks

    async def _build_address_space(self, undo: AsyncExitStack) -> Vmm:
        root = await self._allocate(undo, 1)
        va_size = 2 * self.pages * PAGE_SIZE
        vmm = self.gpu.vmm(VramAddress(root.address), va_size, name=f"{self.name} vmm", owner=self.name)
        undo.push_async_callback(surely, vmm.close)
        return vmm

    async def _map_partition(self, undo: AsyncExitStack, vmm: Vmm, slot: AllocatedBlocks) -> None:
        frames = frames_of(slot)
        mapped = await vmm.map_pages(frames, writable=True)
        undo.push_async_callback(surely, partial(vmm.unmap_pages, mapped))
        last = mapped.vfn_start + mapped.num_pages - 1
        if await vmm.read_mapping(Vfn(last)) != frames[-1]:
            raise EIO(f"{self.name}: virtual frame {last:#x} does not map {frames[-1]!r}")

    async def _map_heap(self, undo: AsyncExitStack, heap: AllocatedBlocks) -> BarAccess:
        access = await self.gpu.bar_user.map(frames_of(heap), writable=True, owner=self.name)
        undo.push_async_callback(surely, access.unmap)
        return access

    async def _talk(self, control: BarAccess, heap: AllocatedBlocks) -> None:
        for word in range(CONTROL_WORDS):
            control.try_write32(MARKER + self.gfid + word, 4 * word)
        await self._plugin(heap)
        answer = control.try_read32(4 * CONTROL_WORDS)
        if answer != ANSWER:
            raise EIO(f"{self.name}: the plugin's marker reads {answer:#x} through BAR1", expected=f"{ANSWER:#x}")

    async def _plugin(self, heap: AllocatedBlocks) -> None:
        """The other side: read the control region where it physically is, and answer."""
        async with self.gpu.mm.pramin.window() as window:
            for word in range(CONTROL_WORDS):
                seen, sent = window.try_read32(heap.address + 4 * word), MARKER + self.gfid + word
                if seen != sent:
                    raise EIO(f"{self.name}: control word {word} reads {seen:#x} through PRAMIN", expected=f"{sent:#x}")
            window.try_write32(heap.address + 4 * CONTROL_WORDS, ANSWER)


def frames_of(blocks: AllocatedBlocks) -> Sequence[Pfn]:
    """The frames of an allocation, ascending."""
    return [Pfn(frame) for run in sorted(blocks.frames(), key=lambda run: run.start) for frame in run]


@contextmanager
def _nothing_stays(of: str) -> Iterator[None]:
    """Once it is undone, whoever did it is where he was: an explorer need not tell apart how it went."""
    with forgetting():
        yield
    observe_guarded(f"{of} undone")
