"""Jobs on several buffers each."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nova_async.clients.engine import Engine
from nova_async.clients.evictor import Evictor
from nova_async.clients.exec_submitter import ExecSubmitter
from nova_async.clients.gem import GemObject
from nova_async.clients.vm import Vm
from nova_async.errors import EDEADLK
from nova_async.kernel import DmaFence, DmaResv, Kernel, RingScheduler, WwContext
from nova_async.scenario import CLEAN, Positive, World, scenario


@scenario(expect=CLEAN)
async def several_buffers(world: World, submitters: int = 6, buffers: Positive = 4, jobs: Positive = 4) -> None:
    """May jobs lock their buffers in any order, each in another one?

    Reservations are wound/wait mutexes: who is younger gives way, lets go of all it has, and begins again with the one
    that it could not get. So every job gets all its buffers, and its fence is on each of them.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    evictor = Evictor(world.kernel)
    async with AsyncExitStack() as stack:
        vm = await stack.enter_async_context(Vm(gpu, "vm", pages=4 * buffers))
        shared = [GemObject(vm, f"bo#{number}") for number in range(buffers)]
        for gem in shared:
            stack.push_async_callback(gem.close)
        engine = await stack.enter_async_context(Engine(gpu))
        ring = await stack.enter_async_context(RingScheduler(world.kernel.lockdep, "gfx", engine))
        async with world.clients() as clients:
            for number in range(submitters):
                turn = number % buffers
                order = shared[turn:] + shared[:turn]
                if number % 2:
                    order.reverse()
                clients.start(ExecSubmitter(world.kernel, ring, evictor, order, number, jobs=jobs))
        assert len(engine.done) == submitters * jobs


@dataclass
class Careless:
    """Locks two reservations without a transaction, each only when the other task has its first."""

    name: str
    resvs: Sequence[DmaResv[None]]
    mine: DmaFence
    others: DmaFence

    async def run(self) -> None:
        """One, and then the other."""
        first, second = self.resvs
        with await first.lock():
            await self.mine.signal()
            await self.others.wait()
            with await second.lock():
                pass


@scenario(expect=("NOVA102", "NOVA401"))
async def two_buffers_without_transaction(world: World) -> None:
    """May a job lock two buffers one after the other as if they were ordinary mutexes?

    Two jobs that name them in opposite order wait for each other for ever. They are of one class, so the validator says
    so as soon as anybody holds two, in whatever order.
    """
    resvs = [world.kernel.resv(name, None) for name in ("bo#0", "bo#1")]
    met = [world.kernel.fence(f"{name} has its first") for name in ("forward", "backward")]
    async with world.clients() as clients:
        clients.start(Careless("forward", resvs, met[0], met[1]))
        clients.start(Careless("backward", resvs[::-1], met[1], met[0]))


@dataclass
class Stubborn:
    """Is told to give way, and only asks for another buffer instead."""

    kernel: Kernel
    resvs: Sequence[DmaResv[None]]
    locked: DmaFence
    done: DmaFence
    name: str = "stubborn"

    async def run(self) -> None:
        """Lock a buffer, back off from another, and go on with a third."""
        mine, contended, third = self.resvs
        await self.locked.wait()
        async with self.kernel.reservations.transaction(self.name) as younger:
            with await mine.lock(younger):
                try:
                    (await contended.lock(younger)).unlock()
                except EDEADLK:
                    (await third.lock(younger)).unlock()
        await self.done.signal()


@dataclass
class Older:
    """Has a buffer all the while."""

    context: WwContext
    resv: DmaResv[None]
    locked: DmaFence
    done: DmaFence
    name: str = "older"

    async def run(self) -> None:
        """Lock it until the other one is done."""
        async with self.context:
            with await self.resv.lock(self.context):
                await self.locked.signal()
                await self.done.wait()


@scenario(expect="NOVA103")
async def back_off_ignored(world: World) -> None:
    """May a job that is told to give way keep what it has, and go on with another buffer?

    Whoever is told to has to let go of everything, because the older one may be waiting for just that. Here nobody is,
    and the run ends well; the next one may not.
    """
    resvs = [world.kernel.resv(f"bo#{number}", None) for number in range(3)]
    locked, done = world.kernel.fence("older has bo#1"), world.kernel.fence("stubborn is done")
    async with world.clients() as clients:
        clients.start(Older(world.kernel.reservations.transaction("older"), resvs[1], locked, done))
        clients.start(Stubborn(world.kernel, resvs, locked, done))
