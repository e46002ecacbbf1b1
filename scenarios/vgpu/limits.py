"""Many want a vGPU at once, and there are not enough."""

from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from nova_async.address import PAGE_SIZE
from nova_async.clients.forcing import fails_with
from nova_async.clients.vgpu_creator import frames_of
from nova_async.clients.vgpu_manager import VgpuManager, VgpuType
from nova_async.errors import EBUSY, EEXIST, EIO, ENODEV, ENOMEM, ENOSPC, ETIMEDOUT, Errno
from nova_async.mm.surely import surely
from nova_async.scenario import CLEAN, Positive, World, scenario


@dataclass
class Guest:
    """Asks for one vGPU and keeps it."""

    manager: VgpuManager
    number: int
    gfid: int
    answers: Counter[str]
    tries: int = 1
    refused: tuple[type[Errno], ...] = (EEXIST, ENOSPC)

    @property
    def name(self) -> str:
        """``guest#3``."""
        return f"guest#{self.number}"

    async def run(self) -> None:
        """Ask, so many times if it is refused."""
        for _ in range(self.tries):
            try:
                await self.manager.create(self.gfid, dbdf=0x100 + self.gfid)
            except self.refused as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers["ready"] += 1
                return


async def destroy_all(manager: VgpuManager) -> None:
    """Every slot is free afterwards."""
    for vgpu in await manager.instances():
        await manager.destroy(vgpu)
    assert await manager.instances() == []


@scenario(expect=CLEAN)
async def more_guests_than_instances(world: World, guests: int = 9, instances: Positive = 4) -> None:
    """If more guests than there are instances want one at once, do exactly so many get one?

    Each takes its slot under the manager's lock before it builds anything, so no two have one slot, and no two share
    channel ids.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    manager = VgpuManager(gpu, VgpuType("type-a", instances))
    answers: Counter[str] = Counter()
    async with world.clients() as clients:
        for number in range(guests):
            clients.start(Guest(manager, number, number, answers))
    assert answers == {"ready": instances, "ENOSPC": guests - instances}
    channels = [channel for vgpu in await manager.instances() for channel in vgpu.channels]
    assert len(set(channels)) == len(channels)
    await destroy_all(manager)


@scenario(expect=CLEAN)
async def one_function_twice(world: World, guests: int = 5) -> None:
    """If many ask for a vGPU for one guest function at once, does one get it and are all others refused?

    The one that is still being built counts: it is refused on the reservation, not on the result.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    manager = VgpuManager(gpu, VgpuType("type-a", guests))
    answers: Counter[str] = Counter()
    async with world.clients() as clients:
        for number in range(guests):
            clients.start(Guest(manager, number, 7, answers))
    assert answers == {"ready": 1, "EEXIST": guests - 1}
    await destroy_all(manager)


@scenario(expect=CLEAN)
async def creation_fails(world: World, guests: int = 6, failing: float = 0.05) -> None:
    """Does a creation that fails at any step leave the slot to the next one, and nothing else behind?

    Allocations fail, the device does not answer, the TLB neither. Whoever fails asks again, and in the end each guest
    has its vGPU.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    manager = VgpuManager(gpu, VgpuType("type-a", guests))
    answers: Counter[str] = Counter()
    world.inject(alloc=failing, mmio=failing / 10, tlb=failing)
    async with world.clients() as clients:
        for number in range(guests):
            refused = (ENOMEM, EIO, ETIMEDOUT)
            clients.start(Guest(manager, number, number, answers, tries=200, refused=refused))
    world.kernel.faults.stop()
    assert answers["ready"] == guests
    await destroy_all(manager)


@dataclass
class Console:
    """Has the vGPU open, and looks into its heap through BAR1."""

    manager: VgpuManager
    rounds: int
    name: str = "console"
    seen: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Open it if it is there."""
        for _ in range(self.rounds):
            for vgpu in await self.manager.instances():
                try:
                    async with self.manager.using(vgpu):
                        with fails_with(EBUSY):
                            await self.manager.destroy(vgpu)
                        self.seen["used"] += 1
                except ENODEV:
                    self.seen["not there"] += 1


@dataclass
class Owner:
    """Creates a vGPU and destroys it, over and over."""

    manager: VgpuManager
    gfid: int
    rounds: int

    @property
    def name(self) -> str:
        """``owner#3``."""
        return f"owner#{self.gfid}"

    async def run(self) -> None:
        """So often; while it is in use it asks again."""
        for _ in range(self.rounds):
            vgpu = await self.manager.create(self.gfid, dbdf=0x100 + self.gfid)
            while True:
                try:
                    await self.manager.destroy(vgpu)
                except EBUSY:
                    continue
                break


@scenario(expect=CLEAN)
async def destroyed_while_others_look(world: World, owners: int = 3, rounds: int = 3) -> None:
    """Can a vGPU go away while somebody has it open?

    It cannot: the destruction is refused. One that is being destroyed cannot be opened either.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    manager = VgpuManager(gpu, VgpuType("type-a", owners))
    async with world.clients() as clients:
        clients.start(Console(manager, rounds=40))
        for gfid in range(owners):
            clients.start(Owner(manager, gfid, rounds))
    assert await manager.instances() == []


@scenario(expect="NOVA301")
async def destroyed_in_use(world: World) -> None:
    """May a vGPU be destroyed by force, if its user will notice that it is gone?

    The user has a part of its memory mapped through BAR1. The memory is free, and until the user notices the mapping
    leads there.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with AsyncExitStack() as user:
        user.push_async_callback(surely, gpu.mm.deferred.drain)
        heap = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vgpu#0")
        access = await gpu.bar_user.map(frames_of(heap), writable=True, owner="vgpu#0")
        user.push_async_callback(surely, partial(access.unmap))
        gpu.mm.free_vram(heap)
        await gpu.mm.deferred.drain()
