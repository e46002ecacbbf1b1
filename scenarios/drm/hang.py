"""A job that never ends."""

from dataclasses import dataclass

from nova_async.clients.engine import Engine, EngineJob
from nova_async.clients.forcing import fails_with
from nova_async.errors import ECANCELED, ETIMEDOUT
from nova_async.kernel import Kernel, Mutex, RingContext, RingScheduler
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, World, scenario

TIMEOUT_S = 0.02
"""Short, because a live run waits for it in real time."""


@scenario(expect=CLEAN)
async def hang(world: World) -> None:
    """Does a job that never ends take others with it?

    The ring is reset when it has taken too long. Its fence and those of its context say why they failed, the context is
    banned, and the jobs of others that were on the ring behind it run after all.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    guilty, innocent = RingContext("guilty"), RingContext("innocent")
    async with Engine(gpu) as engine, RingScheduler(world.kernel.lockdep, "gfx", engine, timeout=TIMEOUT_S) as ring:
        before = ring.submit(EngineJob("before"), innocent)
        hung = ring.submit(EngineJob("hung", hangs=True), guilty)
        same, other = ring.submit(EngineJob("same"), guilty), ring.submit(EngineJob("other"), innocent)
        for fence in (before, hung, same, other):
            await fence.wait()
        assert isinstance(hung.error, ETIMEDOUT)
        assert isinstance(same.error, ECANCELED)
        assert (before.error, other.error) == (None, None)
        assert engine.done == ["before", "other"]
        with fails_with(ECANCELED):
            ring.submit(EngineJob("once more"), guilty)


@scenario(expect="NOVA401")
async def hang_without_timeout(world: World) -> None:
    """Is a job that never ends anybody else's problem, if nobody looks at the time?

    A DMA fence is a promise to all who may wait for it, reclaim among them. So work that may never end needs somebody
    who ends it.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with Engine(gpu) as engine:
        await engine.push(EngineJob("hung", hangs=True)).wait()


class Dumping(Engine):
    """Saves the state of the hardware for a report before it is reset."""

    async def reset(self) -> None:
        """Allocate room for the dump, and reset."""
        await self.gpu.kernel.memory.alloc(Gfp.KERNEL, "a device coredump")
        await super().reset()


async def hang_once(kernel: Kernel, engine: Engine) -> None:
    """One job that hangs, and the reset after it."""
    async with engine, RingScheduler(kernel.lockdep, "gfx", engine, timeout=TIMEOUT_S) as ring:
        await ring.submit(EngineJob("hung", hangs=True), RingContext("guilty")).wait()


@scenario(expect="NOVA202")
async def reset_allocates(world: World) -> None:
    """May a reset allocate room for a dump of the device before it resets it?

    All fences of the ring wait for the reset, and reclaim may wait for any of them. Memory is plentiful here.
    """
    await hang_once(world.kernel, Dumping(await world.boot("GA102", vram="16MiB")))


class Locking(Engine):
    """Takes the lock of the device's state to reset it."""

    def __init__(self, gpu: Gpu, state: Mutex[None]) -> None:
        super().__init__(gpu)
        self._device = state

    async def reset(self) -> None:
        """Reset under the lock."""
        async with self._device.lock():
            await super().reset()


@dataclass
class Opener:
    """Allocates under the lock of the device's state, as an open of the device does."""

    kernel: Kernel
    device: Mutex[None]
    name: str = "opener"

    async def run(self) -> None:
        """Make what a file needs."""
        async with self.device.lock():
            await self.kernel.memory.alloc(Gfp.KERNEL, "a file's state")


@scenario(expect="NOVA203")
async def reset_takes_a_lock(world: World) -> None:
    """May a reset take a lock under which somebody else allocates?

    The two never meet here: the file is open long before the job hangs.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    device: Mutex[None] = world.kernel.private_mutex("device_state", None)
    async with world.clients() as clients:
        clients.start(Opener(world.kernel, device))
    await hang_once(world.kernel, Locking(gpu, device))
