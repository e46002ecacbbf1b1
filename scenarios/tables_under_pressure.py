"""Table pages when VRAM is short."""

from collections.abc import Sequence
from dataclasses import dataclass

from nova_async.address import PAGE_SIZE, Pfn
from nova_async.clients import Vm
from nova_async.clients.forcing import LEAF_TABLE, buffer, fails_with, pages_at
from nova_async.errors import ENOSPC
from nova_async.mm import Gpu
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def tables_under_pressure(world: World, tables: int = 12) -> None:
    """Does an allocation get the table pages that nobody needs, and only those?

    Hazard B16 is why the published code leaves its TODO undone. Ours counts who needs a table from the prepare on. What
    was mapped and unmapped leaves empty tables behind; one mapping is live, one is prepared, and then VRAM is full. The
    next allocations get the empty tables one by one; the one after them fails, and both mappings are as they were.
    """
    gpu = await world.boot("GA102", vram="4MiB")
    async with buffer(gpu, 2) as frames, Vm(gpu, "vm", pages=LEAF_TABLE * (tables + 2) // PAGE_SIZE) as vm:
        live = await vm.vmm.map_pages(frames[:1], pages_at(0), writable=True)
        pending = await vm.vmm.prepare_map(1, pages_at(LEAF_TABLE))
        for number in range(2, tables + 2):
            mapped = await vm.vmm.map_pages(frames[:1], pages_at(number * LEAF_TABLE), writable=True)
            await vm.vmm.unmap_pages(mapped)
        taken = await _take_what_is_free(gpu)
        for _ in range(tables):
            taken.append(await gpu.mm.alloc_vram(PAGE_SIZE, owner="greedy"))
        with fails_with(ENOSPC):
            await gpu.mm.alloc_vram(PAGE_SIZE, owner="greedy")
        await vm.vmm.unmap_pages(await vm.vmm.execute_map(pending, frames[1:], writable=True))
        await vm.vmm.unmap_pages(live)
        for page in taken:
            gpu.mm.free_vram(page)


@dataclass
class Wanderer:
    """Maps one page at a time, each in a leaf table where nobody was before."""

    vm: Vm
    number: int
    rounds: int
    page: Sequence[Pfn]

    @property
    def name(self) -> str:
        """``wanderer#0``."""
        return f"wanderer#{self.number}"

    async def run(self) -> None:
        """Leave an empty table behind in each round."""
        for place in range(self.number * self.rounds, (self.number + 1) * self.rounds):
            mapped = await self.vm.vmm.map_pages(self.page, pages_at(place * LEAF_TABLE), writable=True)
            await self.vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
async def clients_under_pressure(world: World, clients: int = 4, rounds: int = 10) -> None:
    """Do clients get by who need more tables one after the other than there is VRAM?

    Each looks, lets go of all locks to allocate, and finds no VRAM; whoever comes first takes out what the others have
    done with, and those who come meanwhile wait for him. What they have prepared stays.
    """
    gpu = await world.boot("GA102", vram="4MiB")
    places = clients * rounds
    async with buffer(gpu, 1) as page, Vm(gpu, "vm", pages=places * LEAF_TABLE // PAGE_SIZE) as vm:
        taken = await _take_what_is_free(gpu, but=5 * clients)  # each may bring a path of its own to the first round
        async with world.clients() as crew:
            for number in range(clients):
                crew.start(Wanderer(vm, number, rounds, page))
        for blocks in taken:
            gpu.mm.free_vram(blocks)


async def _take_what_is_free(gpu: Gpu, but: int = 0) -> list[AllocatedBlocks]:
    """All VRAM that is free, but for so many pages."""
    await gpu.mm.deferred.drain()
    free = await gpu.mm.buddy.avail() // PAGE_SIZE
    return [await gpu.mm.alloc_vram(PAGE_SIZE, owner="greedy") for _ in range(free - but)]
