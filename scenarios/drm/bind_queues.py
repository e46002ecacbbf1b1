"""Several queues of one VM, and what a bind that fails late means to them."""

from nova_async.clients.bind_jobs import BindJob
from nova_async.clients.forcing import buffer, fails_with
from nova_async.clients.vm import Vm
from nova_async.errors import ECANCELED, ENOENT, EPERM
from nova_async.kernel import DrmScheduler
from nova_async.lockdep import Gfp
from nova_async.scenario import CLEAN, Positive, World, scenario


@scenario(expect=CLEAN)
async def two_bind_queues(world: World, binds: Positive = 4) -> None:
    """Does each bind queue of a VM keep its order, without waiting for the other one?

    The first queue is held up by an in-fence. What is behind it there waits too, whether it needs that fence or not;
    what is submitted to the other queue does not.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    gate = world.kernel.fence("gate")
    async with buffer(gpu, 2 * binds) as frames, Vm(gpu, "vm", pages=64) as vm, vm.context("second") as second:
        held = [await vm.bind(frames[:1], owner="vm", after=[gate])]
        held += [await vm.bind(frames[page : page + 1], owner="vm") for page in range(1, binds)]
        free = [await vm.bind(frames[page : page + 1], owner="vm", context=second) for page in range(binds, 2 * binds)]
        await free[-1][1].wait()
        assert all(fence.signalled for _, fence in free)
        assert not any(fence.signalled for _, fence in held)
        await gate.signal()
        await held[-1][1].wait()
        assert all(fence.signalled for _, fence in held)
        for job, _ in held + free:
            assert job.mapped is not None
            await (await vm.unbind(job.mapped)).wait()


@scenario(expect=CLEAN)
async def bind_fails_late(world: World) -> None:
    """Does a bind that fails after its fence is public leave anything behind, or let anybody go on as if it had not?

    The frame turns out to be somebody else's when the job runs. Its fence says so, the VM is banned, the bind behind it
    is canceled and the next one refused; what was bound before can still be unbound, and all that was prepared comes
    back.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    gate = world.kernel.fence("gate")
    async with buffer(gpu, 2) as frames, buffer(gpu, 1, owner="stranger") as foreign, Vm(gpu, "vm", pages=64) as vm:
        before, bound = await vm.bind(frames[:1], owner="vm")
        await bound.wait()
        _, failed = await vm.bind(foreign, owner="vm", after=[gate])
        _, behind = await vm.bind(frames[1:], owner="vm")
        await gate.signal()
        await behind.wait()
        assert isinstance(failed.error, EPERM)
        assert isinstance(behind.error, ECANCELED)
        with fails_with(ENOENT):
            await vm.bind(frames[1:], owner="vm")
        assert before.mapped is not None
        await (await vm.unbind(before.mapped)).wait()


class Forgetful(BindJob):
    """Takes it that what has run has worked."""

    async def cleanup(self) -> None:
        """Nothing to do."""


@scenario(expect="NOVA305")
async def late_failure_forgotten(world: World) -> None:
    """May the cleanup of a bind take it that the bind has worked?

    The submit stage has long returned to its caller. If the cleanup does not look, nobody ever gives back the addresses
    and the tables that were prepared.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    bar1 = gpu.bar_user.vmm
    async with buffer(gpu, 1, owner="stranger") as foreign, DrmScheduler(world.kernel.lockdep, "forgetful") as queue:
        job = Forgetful(bar1, gpu, await bar1.prepare_map(1), foreign, owner="driver")
        await queue.submit(job).wait()


@scenario(expect=CLEAN)
async def unbind_without_memory(world: World) -> None:
    """Can an address be given back when there is no host memory at all?

    The one thing that frees memory must not need any. A bind takes what its unbind will need.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
        job, bound = await vm.bind(frames, owner="vm")
        await bound.wait()
        assert job.mapped is not None
        world.inject(alloc=1.0)
        unbound = await vm.unbind(job.mapped)
        await unbound.wait()
        world.kernel.faults.stop()
        assert unbound.error is None


class LateUnbind(BindJob):
    """Unbinds, and makes the object it needs for that when it runs."""

    async def run(self) -> None:
        """Allocate, then unmap."""
        assert self.mapped is not None
        await self.gpu.kernel.memory.alloc(Gfp.KERNEL, "what the unbind needs")
        await self.vmm.unmap_pages(self.mapped)


@scenario(expect="NOVA202")
async def unbind_allocates(world: World) -> None:
    """May an unbind allocate what it needs when its turn comes?

    Memory is plentiful here, so it works. When it is short the allocation reclaims, reclaim waits for fences, and the
    fence of this very job may be among them.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
        job, bound = await vm.bind(frames, owner="vm")
        await bound.wait()
        late = LateUnbind(job.vmm, gpu, job.prepared, job.pfns, job.owner, mapped=job.mapped)
        async with DrmScheduler(world.kernel.lockdep, "late") as queue:
            await queue.submit(late).wait()
