"""Two prepares that find the same table missing."""

from collections.abc import Callable, Coroutine
from functools import partial

import anyio

from nova_async.address import GIB, PAGE_SIZE, VramAddress
from nova_async.clients.forcing import LEAF_TABLE, buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.clients.vm import Vm
from nova_async.errors import EIO
from nova_async.mm import Vmm
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.published import Vmm as PublishedVmm
from nova_async.scenario import CLEAN, World, scenario

Prepare = Callable[[], Coroutine[object, object, None]]


class Overtaken:
    """The first who allocates a table comes back only when the other has prepared from start to end."""

    def __init__(self) -> None:
        self.allocating = anyio.Event()
        self.overtaken = anyio.Event()

    async def hold_up(self) -> None:
        """Wait, if this is the first."""
        if not self.allocating.is_set():
            self.allocating.set()
            await self.overtaken.wait()

    async def run(self, first: Prepare, other: Prepare) -> None:
        """Run both prepares; the other one between the first one's look and its insert."""

        async def overtake() -> None:
            await self.allocating.wait()
            await other()
            self.overtaken.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first, name="first")
            tasks.start_soon(overtake, name="other")


class Unlocked(PublishedVmm):
    """The published Vmm with the obvious cure for hazard (e): its lock is let go to allocate."""

    race: Overtaken

    async def _alloc_and_zero_page_table(self) -> AllocatedBlocks:
        await self.race.hold_up()
        return await super()._alloc_and_zero_page_table()


class HeldUp(Vmm):
    """Our Vmm, which lets its locks go to allocate anyway, held up at the same place."""

    race: Overtaken

    async def _alloc_table(self) -> AllocatedBlocks:
        await self.race.hold_up()
        return await super()._alloc_table()


@scenario(expect=("NOVA306", "NOVA307", "NOVA309"))
async def one_slot_two_prepares(world: World) -> None:
    """May the lock be dropped between finding a table missing and preparing it?

    Hazard (d), seed 004, COND: refuted as published, true with the lock let go to allocate. Both find the root's slot
    empty. The second insert replaces the first page, which is freed with the children already prepared in it; when
    another address space gets that page, the next execute writes directory entries into it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    race, prepared = Overtaken(), []

    async def replaced() -> None:
        with fails_with(EIO):
            await vm.vmm.prepare_map(1, pages_at(0))

    async def replacing() -> None:
        prepared.append(await vm.vmm.prepare_map(1, pages_at(LEAF_TABLE)))

    async with buffer(gpu, 2) as frames, PublishedVm(gpu, revision=Unlocked) as vm:
        assert isinstance(vm.vmm, Unlocked)
        vm.vmm.race = race
        await race.run(replaced, replacing)
        async with Vm(gpu, "guest", pages=64):
            with fails_with(EIO):
                await vm.vmm.execute_map(prepared[0], frames[:1], writable=True)


@scenario(expect=CLEAN)
async def one_slot_two_prepares_ours(world: World) -> None:
    """Do two prepares of ours that race for one slot share the page that came first?

    Hazard (d), the same race. Who comes back with a page looks again, finds the slot prepared, takes part in that page
    and gives its own back. Both mappings execute.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    race = Overtaken()
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
    vmm = HeldUp(gpu.mm, VramAddress(root.address), gpu.chipset.mmu_version, GIB, name="vm", owner="vm")
    gpu.address_spaces.append(vmm)
    vmm.race = race
    async with buffer(gpu, 1) as frames:

        async def map_and_unmap(address: int) -> None:
            await vmm.unmap_pages(await vmm.map_pages(frames, pages_at(address), writable=True))

        await race.run(partial(map_and_unmap, 0), partial(map_and_unmap, LEAF_TABLE))
        await vmm.close()
    gpu.mm.free_vram(root)
