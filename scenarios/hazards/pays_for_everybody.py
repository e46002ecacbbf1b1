"""One execute that keeps the window to itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from nova_async.address import Pfn
from nova_async.clients.address_space import address_space
from nova_async.clients.caller import Caller, executing, preparing
from nova_async.clients.forcing import buffer, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.kernel import DrmScheduler
from nova_async.mm import Gpu
from nova_async.mm.published import MappedRange, PreparedMapping, Vmm
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class PublishedBind:
    """Executes in the run stage, for which the published execute is meant."""

    vmm: Vmm
    prepared: PreparedMapping
    pfns: Sequence[Pfn]
    mapped: MappedRange | None = None

    async def run(self) -> None:
        """Install what is pending, walk to each leaf, write it, flush."""
        self.mapped = await self.vmm.execute_map(self.prepared, self.pfns, writable=True)

    async def stop(self) -> None:
        """Nothing was promised."""

    async def cleanup(self) -> None:
        """Unmap, page by page as well."""
        if self.mapped is not None:
            await self.vmm.unmap_pages(self.mapped)


@asynccontextmanager
async def holds_of(gpu: Gpu, words: int) -> AsyncIterator[None]:
    """Let nobody keep the window for more than ``words`` words of 64 bits."""
    before, gpu.mm.words_per_hold = gpu.mm.words_per_hold, words
    try:
        yield
    finally:
        gpu.mm.words_per_hold = before


@scenario(expect="NOVA314")
async def pays_for_everybody(world: World, pages: int = 512) -> None:
    """For how long may one execute keep the window?

    Hazard B7, seed 004, PROVEN. All leaves are written under one guard, with a walk of 6 reads for each: 3 ms for
    2 MiB, 1.6 s for 1 GiB, while a public fence waits, and with it everybody else who has a page table to write.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, pages) as frames,
        PublishedVm(gpu) as vm,
        DrmScheduler(world.kernel.lockdep, "bind") as queue,
    ):
        prepared = await vm.vmm.prepare_map(pages, pages_at(0, pages))
        await queue.submit(PublishedBind(vm.vmm, prepared, frames)).wait()


@scenario(expect=CLEAN)
async def pays_for_everybody_ours(world: World, pages: int = 12_000, words: int = 4096) -> None:
    """Does an execute of ours let others have the window, however much it maps?

    Hazard B7, more than twenty times as many pages. Ours knows where its leaves are, installs its own tables only, and
    lets go of the window after each 4,096 words, 0.4 ms: the worst hold is the same for 16 MiB as for 1 GiB.
    """
    gpu = await world.boot("GA102", vram="64MiB")

    async def map_in_fence_path() -> None:
        async with (
            buffer(gpu, pages) as frames,
            address_space(gpu, "vm", pages=2 * pages) as vmm,
            preparing(vmm, pages) as prepared,
            holds_of(gpu, words),
            AsyncExitStack() as undo,
        ):
            with world.kernel.lockdep.signalling():
                await undo.enter_async_context(executing(prepared, frames))

    async with world.clients() as clients:
        clients.start(Caller("caller", map_in_fence_path))
