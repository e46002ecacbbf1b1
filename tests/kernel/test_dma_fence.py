import gc
from weakref import ref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import EINVAL, EIO
from nova_async.kernel import Kernel


async def test_waiters_go_on_once_it_is_signalled_and_see_its_error(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    seen: list[str] = []

    async def waiter() -> None:
        await fence.wait()
        seen.append(str(fence.error))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(waiter)
        await checkpoint()
        assert not seen
        await fence.signal(EIO("page table"))
    assert seen == ["EIO: page table"] * 3


async def test_who_comes_while_the_woken_have_not_run_yet_is_not_forgotten(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(fence.wait)
            for _ in range(3):
                await checkpoint()
            await fence.signal()  # the waiters are woken, and have not run
            await fence.wait()


async def test_waiting_for_a_signalled_fence_returns_at_once(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    await fence.signal()
    await fence.wait()
    assert fence.signalled


async def test_a_second_signal_is_refused(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    await fence.signal()
    with pytest.raises(EINVAL, match="ring:1"):
        await fence.signal()


async def test_a_cancelled_task_still_keeps_its_promise(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await fence.signal()
    assert fence.signalled


async def test_waiting_inside_a_signalling_section_is_found(kernel: Kernel) -> None:
    done, fence = kernel.fence("ring:1"), kernel.fence("ring:2")
    await done.signal()
    with kernel.lockdep.signalling():
        await done.wait()
        await fence.signal()
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA204"]


async def test_a_public_fence_that_is_not_signalled_is_402_at_the_end(kernel: Kernel) -> None:
    kernel.fence("between two").publish()
    await (private := kernel.fence("engine hw:1")).signal()
    private.publish()
    kernel.lockdep.settle_fences()
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA402"]


async def test_a_task_that_ends_with_a_fence_that_it_took_on_is_402(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")

    async def signaller() -> None:
        fence.take_on()
        kernel.lockdep.task_ended()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(signaller, name="signaller")
    (finding,) = kernel.lockdep.findings
    assert (finding.code, finding.message) == ("NOVA402", "signaller: ended, and nobody else will signal ring:1")
    await fence.signal()


async def test_a_thousand_signalled_fences_keep_none_of_their_predecessors_alive(kernel: Kernel) -> None:
    gc.disable()  # nor do they wait for the collector of cycles
    try:
        dead = []
        for number in range(1000):
            fence = kernel.fence(f"ring:{number}")
            fence.publish()
            fence.take_on()
            await fence.signal(EIO("no answer"))
            await fence.wait()
            dead.append(ref(fence))
        assert [fence() for fence in dead[:-1]] == [None] * 999
    finally:
        gc.enable()
