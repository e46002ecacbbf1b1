from collections.abc import Awaitable, Callable

import pytest

from nova_async.clients import BindJob, DrmSubmitter, Vm
from nova_async.clients.forcing import buffer, silent_tlb
from nova_async.errors import ECANCELED, EINVAL, ENODEV, ENOENT, ENOMEM, EPERM, ETIMEDOUT
from nova_async.mm import Gpu
from nova_async.scenario import World

SMALL = {"vram": "1MiB", "bar1": "64KiB"}


async def unbind(vm: Vm, *jobs: BindJob) -> None:
    for job in jobs:
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()


async def test_a_context_keeps_its_order_and_does_not_wait_for_another(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        gate = world.kernel.fence("gate")
        async with buffer(gpu, 3) as frames, Vm(gpu, "vm", pages=64) as vm, vm.context("second") as second:
            held, first = await vm.bind(frames[:1], owner="vm", after=[gate])
            behind, after_it = await vm.bind(frames[1:2], owner="vm")
            free, other = await vm.bind(frames[2:], owner="vm", context=second)
            await other.wait()
            assert [first.signalled, after_it.signalled] == [False, False]
            await gate.signal()
            await after_it.wait()
            assert first.signalled
            await unbind(vm, held, behind, free)
    assert world.findings == []


async def test_the_end_of_a_context_waits_for_what_was_submitted_to_it(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
            async with vm.context("second") as second:
                job, fence = await vm.bind(frames, owner="vm", context=second)
                assert second.name == "vm second"
            assert fence.signalled
            with pytest.raises(EINVAL, match="closed"):
                await vm.bind(frames, owner="vm", context=second)
            assert job.mapped is not None
            unbound = await vm.unbind(job.mapped, context=second)
            assert unbound.signalled
    assert world.findings == []


async def test_a_bind_that_fails_late_bans_the_vm_and_what_was_bound_can_be_unbound(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        gate = world.kernel.fence("gate")
        async with buffer(gpu, 2) as frames, buffer(gpu, 1, "other") as foreign, Vm(gpu, "vm", pages=64) as vm:
            before, bound = await vm.bind(frames[:1], owner="vm")
            await bound.wait()
            _, failed = await vm.bind(foreign, owner="vm", after=[gate])
            queued, canceled = await vm.bind(frames[1:], owner="vm")
            reasons = [vm.ban.why]
            await gate.signal()
            await canceled.wait()
            assert isinstance(failed.error, EPERM)
            assert isinstance(canceled.error, ECANCELED)
            reasons.append(vm.ban.why)
            assert reasons == [None, failed.error]
            assert queued.mapped is None
            with pytest.raises(ENOENT, match="banned"):
                await vm.bind(frames[1:], owner="vm")
            await unbind(vm, before)
    assert world.findings == []


async def test_a_device_that_answers_in_the_end_is_no_reason_for_a_ban(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
            world.inject(tlb=0.2, mmio=0.01)
            for _ in range(10):
                job, fence = await vm.bind(frames, owner="vm")
                await fence.wait()
                assert fence.error is None
                await unbind(vm, job)
            world.kernel.faults.stop()
            assert vm.ban.why is None
            assert world.kernel.faults.injected["tlb"]
    assert world.findings == []


async def test_a_dead_tlb_bans_the_vm(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
            job = await vm.prepare(frames, owner="vm")
            with silent_tlb(gpu), pytest.raises(ETIMEDOUT):
                await job.run()
            assert vm.ban.why is not None
            await job.cleanup()
    assert world.findings == []


async def test_an_unbind_needs_no_memory_and_a_bind_that_gets_none_leaves_nothing(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with buffer(gpu, 2) as frames, Vm(gpu, "vm", pages=64) as vm:
            job, bound = await vm.bind(frames[:1], owner="vm")
            await bound.wait()
            world.inject(alloc=1.0)
            with pytest.raises(ENOMEM, match="bind job"):
                await vm.bind(frames[1:], owner="vm")
            await unbind(vm, job)
            world.kernel.faults.stop()
            assert vm.ban.why is None
    assert world.findings == []


async def test_binds_in_two_contexts_cancelled_at_any_await_leave_nothing_behind(
    cancelled_everywhere: Callable[[Callable[[Gpu], Awaitable[None]]], Awaitable[int]],
) -> None:
    async def use(gpu: Gpu) -> None:
        async with Vm(gpu, "vm", pages=64) as vm, vm.context("second") as second:
            await DrmSubmitter(vm, 0, context=second).run()
            await DrmSubmitter(vm, 1).run()

    assert await cancelled_everywhere(use) > 50


async def test_a_device_that_is_gone_says_so_itself_and_bans_nobody(world: World) -> None:
    async with world:
        gpu = await world.boot(**SMALL)
        async with buffer(gpu, 1) as frames, Vm(gpu, "vm", pages=64) as vm:
            job = await vm.prepare(frames, owner="vm")
            gpu.mm.binding.unbind()
            with pytest.raises(ENODEV):
                await job.run()
            assert vm.ban.why is None
            await job.cleanup()
    assert world.findings == []
