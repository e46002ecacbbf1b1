"""Two prepares that find the same table missing."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial

import anyio

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import Caller, mapping
from nova_async.clients.forcing import LEAF_TABLE, Gate, buffer, fails_with, nothing_fails, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.clients.vm import Vm
from nova_async.errors import EIO
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.published import Vmm as PublishedVmm
from nova_async.scenario import CLEAN, World, scenario

Prepare = Callable[[], Coroutine[object, object, None]]


class Overtaken:
    """The first who allocates a table comes back only when the other has prepared from start to end."""

    def __init__(self) -> None:
        self.allocating = Gate("first is allocating")
        self.overtaken = Gate("first is overtaken")

    async def hold_up(self) -> None:
        """Wait, if this is the first."""
        if not self.allocating.is_open:
            await self.allocating.open()
            await self.overtaken.wait()

    async def run(self, first: Prepare, other: Prepare) -> None:
        """Run both prepares; the other one between the first one's look and its insert."""

        async def overtake() -> None:
            await self.allocating.wait()
            await other()
            await self.overtaken.open()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first, name="first")
            tasks.start_soon(overtake, name="other")


class Unlocked(PublishedVmm):
    """The published Vmm with the obvious cure for hazard (e): its lock is let go to allocate."""

    race: Overtaken

    async def _alloc_and_zero_page_table(self) -> AllocatedBlocks:
        await self.race.hold_up()
        return await super()._alloc_and_zero_page_table()


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


@scenario(expect=CLEAN, explore="exhaustive")
async def one_slot_two_prepares_ours(world: World) -> None:
    """Do two prepares of ours that race for one slot share the page that came first?

    Hazard (d), the same two prepares, in every order. Who comes back with a page looks again, finds the slot prepared,
    takes part in that page and gives its own back. Both mappings execute.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with AsyncExitStack() as undo:
        with nothing_fails(gpu):
            frames = await undo.enter_async_context(buffer(gpu, 1))
            vmm = await undo.enter_async_context(address_space(gpu, "vm", pages=1024))

        async def map_and_unmap(address: int) -> None:
            async with mapping(vmm, frames, pages_at(address)):
                pass

        async with world.clients() as clients:
            clients.start(Caller("first", partial(map_and_unmap, 0)))
            clients.start(Caller("other", partial(map_and_unmap, LEAF_TABLE)))
