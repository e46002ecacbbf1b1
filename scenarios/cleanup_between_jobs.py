"""Cleanup in the worker that runs the jobs."""

from dataclasses import dataclass

import anyio

from nova_async.clients.forcing import FenceWaiter
from nova_async.kernel import DmaFence, Kernel, Mutex
from nova_async.lockdep import Gfp
from nova_async.scenario import World, scenario


@dataclass
class OneWorker:
    """Runs two jobs and cleans up after the first before it runs the second."""

    kernel: Kernel
    buddy: Mutex[None]
    jobs: tuple[DmaFence, DmaFence]
    allocating: anyio.Event
    name: str = "worker"

    async def run(self) -> None:
        """Run, clean up, run."""
        await self._signal(self.jobs[0])
        await self.allocating.wait()
        async with self.buddy.lock():
            pass  # the cleanup frees what the job held
        await self._signal(self.jobs[1])

    async def _signal(self, fence: DmaFence) -> None:
        with self.kernel.lockdep.signalling():
            await fence.signal()


@dataclass
class Allocator:
    """Allocates block nodes under the allocator's lock, as the buddy does."""

    kernel: Kernel
    buddy: Mutex[None]
    allocating: anyio.Event
    name: str = "allocator"

    async def run(self) -> None:
        """Memory is short, so this reclaims."""
        async with self.buddy.lock():
            self.allocating.set()
            await self.kernel.memory.alloc(Gfp.KERNEL, "block nodes")


@scenario(expect="NOVA401")
async def cleanup_between_jobs(world: World) -> None:
    """May a queue clean up after one job before it runs the next, in the same worker?

    No rule of lockdep is broken: the cleanup is outside of any signalling section, and the allocator's lock may be held
    across reclaim. But the next job's fence is public, and its only worker waits for that lock, whose holder reclaims
    and waits for just that fence. This is why the model's scheduler has a worker for each stage.
    """
    buddy: Mutex[None] = world.kernel.private_mutex("allocator", None)
    jobs = world.kernel.fence("ring:1"), world.kernel.fence("ring:2")
    world.kernel.reclaim.register(FenceWaiter(jobs[1]))
    world.inject(reclaim=1.0)
    allocating = anyio.Event()
    async with world.clients() as clients:
        clients.start(OneWorker(world.kernel, buddy, jobs, allocating))
        clients.start(Allocator(world.kernel, buddy, allocating))
