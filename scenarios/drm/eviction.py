"""Memory taken away from buffers that are mapped."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from nova_async.clients import Reclaimer
from nova_async.clients.engine import Engine
from nova_async.clients.evictor import Evictor
from nova_async.clients.exec_submitter import ExecSubmitter
from nova_async.clients.gem import GemObject, Place
from nova_async.clients.vm import Vm
from nova_async.kernel import RingScheduler, Usage
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, Positive, World, scenario


@asynccontextmanager
async def gems(vm: Vm, evictor: Evictor, count: int, pages: int = 1) -> AsyncIterator[list[GemObject]]:
    """Buffers of a VM that are closed at the end."""
    async with AsyncExitStack() as stack:
        made = [GemObject(vm, f"bo#{number}", pages) for number in range(count)]
        for gem in made:
            stack.push_async_callback(gem.close)
            stack.push_async_callback(evictor.forget, gem)
        yield made


@scenario(expect=CLEAN)
async def eviction(
    world: World,
    submitters: int = 4,
    buffers: Positive = 24,
    pages: Positive = 16,
    jobs: Positive = 6,
    pressure: float = 0.2,
) -> None:
    """May reclaim and VRAM shortage take mapped buffers away while jobs go on?

    The buffers together are larger than VRAM, so each job evicts those of others before it has room for its own; and
    kswapd evicts all the while. Whoever evicts tries the reservation, waits for the fences there, unmaps, and frees.
    The engine looks whether every page that a job touches is still the buffer's.
    """
    gpu = await world.boot("GA102", vram="1MiB", bar1="64KiB")
    evictor = Evictor(world.kernel)
    world.kernel.reclaim.register(evictor)
    world.inject(reclaim=pressure)
    async with Vm(gpu, "vm", pages=2048) as vm, gems(vm, evictor, buffers, pages) as shared, Engine(gpu) as engine:
        async with RingScheduler(world.kernel.lockdep, "gfx", engine) as ring, world.clients() as clients:
            clients.attend(Reclaimer(world.kernel))
            for number in range(submitters):
                turn = number * buffers // submitters
                mine = shared[turn:] + shared[:turn]
                clients.start(ExecSubmitter(world.kernel, ring, evictor, mine, number, jobs=jobs, per_job=2))
        assert len(engine.done) == submitters * jobs
        assert evictor.evicted


class Locking(Evictor):
    """Wants the reservation, and waits until it has it."""

    async def scan(self, count: int) -> int:
        """Lock the oldest and evict it."""
        gem = await self._pick()
        if gem is None:
            return 0
        with await gem.resv.lock() as guard:
            await gem.resv.wait(Usage.BOOKKEEP)
            await gem.evict(guard.data)
        return count


async def populate_one(gpu: Gpu, evictor: Evictor, gem: GemObject) -> None:
    """Make a buffer resident, with its reservation held as it has to be."""
    with await gem.resv.lock() as guard:
        await evictor.populate(gem, guard.data)


@scenario(expect="NOVA101")
async def eviction_waits_for_the_lock(world: World) -> None:
    """May a shrinker wait for the reservation of the buffer that it wants to evict?

    Whoever has it may be allocating under it, and wait for reclaim to make progress. Here reclaim comes when nobody has
    it, and all is well; the order of the two is enough to know.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    evictor = Locking(world.kernel)
    async with Vm(gpu, "vm", pages=64) as vm, gems(vm, evictor, 1) as (gem,):
        await populate_one(gpu, evictor, gem)
        world.kernel.reclaim.register(evictor)
        await world.kernel.reclaim.shrink()


@scenario(expect=("NOVA101", "NOVA102", "NOVA401"))
async def eviction_deadlocks(world: World) -> None:
    """Does a shrinker that waits for a reservation get stuck when its holder reclaims?

    The same shrinker; the task that reclaims is the one that has the buffer locked. It waits for itself.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    evictor = Locking(world.kernel)
    async with Vm(gpu, "vm", pages=64) as vm, gems(vm, evictor, 1) as (gem,):
        await populate_one(gpu, evictor, gem)
        world.kernel.reclaim.register(evictor)
        world.inject(reclaim=1.0)
        with await gem.resv.lock():
            await world.kernel.memory.alloc(Gfp.KERNEL, "something under the reservation")


class Hasty(GemObject):
    """Gives its memory back and lets the mapping be."""

    async def evict(self, place: Place) -> None:
        """Free only."""
        assert place.blocks is not None
        self.vm.gpu.mm.free_vram(place.blocks)
        await self.vm.gpu.mm.deferred.drain()


@scenario(expect="NOVA301")
async def evicted_while_mapped(world: World) -> None:
    """May a buffer's memory go before its mapping does, if nobody uses it any more?

    No job is left that would, and the next bind of these addresses would overwrite the entries. But the engine may walk
    them any time, and the page is somebody else's by then.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    evictor = Evictor(world.kernel)
    async with Vm(gpu, "vm", pages=64) as vm:
        gem = Hasty(vm, "bo#0")
        await populate_one(gpu, evictor, gem)
        with await gem.resv.lock() as guard:
            place = guard.data
            await gem.evict(place)
            assert place.mapped is not None
            await vm.vmm.unmap_pages(place.mapped)
        await gpu.mm.deferred.drain()
