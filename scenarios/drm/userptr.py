"""Memory of a process that the GPU mirrors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nova_async.clients.userptr import ProcessMemory, Userptr
from nova_async.clients.vm import Vm
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu
from nova_async.scenario import CLEAN, Positive, World, scenario


@asynccontextmanager
async def mirrored(gpu: Gpu, kind: type[Userptr] = Userptr, pages: int = 1) -> AsyncIterator[Userptr]:
    """The pages of a process, mirrored in a VM."""
    async with (
        Vm(gpu, "vm", pages=256) as vm,
        ProcessMemory(gpu, "process", pages) as memory,
        kind(vm, memory, "userptr") as mirror,
    ):
        yield mirror


@dataclass
class Mirror:
    """Binds the pages of a process over and over."""

    userptr: Userptr
    binds: int
    name: str = "mirror"

    async def run(self) -> None:
        """Bind, and let go of it again."""
        for _ in range(self.binds):
            _, fence = await self.userptr.bind()
            await fence.wait()
            assert fence.error is None
            await self.userptr.invalidate()


@dataclass
class Mover:
    """The CPU side, which moves the pages."""

    memory: ProcessMemory
    moves: int
    name: str = "mover"

    async def run(self) -> None:
        """So many times."""
        for _ in range(self.moves):
            await self.memory.move()


@scenario(expect=CLEAN)
async def userptr(world: World, binds: int = 8, moves: int = 16, pages: Positive = 3) -> None:
    """May a process's pages move while the GPU mirrors them?

    A bind prepares with the pages as they are, and commits only if they have not moved since; the notifier waits for
    what uses them and takes the entries out before the pages go.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with mirrored(gpu, pages=pages) as mirror, world.clients() as clients:
        clients.start(Mirror(mirror, binds))
        clients.start(Mover(mirror.memory, moves))


class Allocating(Userptr):
    """Makes a note of what was invalidated, in memory that it allocates then."""

    async def invalidate(self) -> None:
        """Allocate, and go on as before."""
        await self.vm.gpu.kernel.memory.alloc(Gfp.NOIO, "a note of the invalidation")
        await super().invalidate()


@scenario(expect="NOVA102")
async def notifier_allocates(world: World) -> None:
    """May an MMU notifier allocate, if it does without IO?

    Notifiers run in reclaim, and every allocation that reclaims may come back to a notifier, NOFS and NOIO as well
    (X42). Nothing waits for anything here.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with mirrored(gpu, Allocating) as mirror:
        await mirror.memory.move()


class Reserving(Userptr):
    """Wants the reservation to look at the fences."""

    async def invalidate(self) -> None:
        """Lock it first."""
        with await self.resv.lock():
            pass
        await super().invalidate()


@scenario(expect="NOVA101")
async def notifier_locks_a_reservation(world: World) -> None:
    """May an MMU notifier lock the reservation whose fences it waits for?

    Whoever has it may allocate under it, enter reclaim and come to this very notifier. The fences can be read without.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with mirrored(gpu, Reserving) as mirror:
        await mirror.memory.move()


class Lazy(Userptr):
    """Only makes later binds retry."""

    async def invalidate(self) -> None:
        """Bump the sequence."""
        async with self._bound.lock():
            self._notifier.set_seq()


@scenario(expect="NOVA301")
async def notifier_leaves_the_mapping(world: World) -> None:
    """Is it enough that the next bind takes the new pages, if no job runs on the old ones?

    The process's old pages are free as soon as the notifier returns, and the entries still lead there.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with mirrored(gpu, Lazy) as mirror:
        job, bound = await mirror.bind()
        await bound.wait()
        await mirror.memory.move()
        assert job.mapped is not None
        await mirror.vm.vmm.unmap_pages(job.mapped)
