import anyio
from anyio.lowlevel import checkpoint

from nova_async.kernel import Kernel, MmuIntervalNotifier


async def settle() -> None:
    for _ in range(10):
        await checkpoint()


class Mirror:
    """A driver's callback that can be held up."""

    def __init__(self, kernel: Kernel) -> None:
        self.calls = 0
        self.go = anyio.Event()
        self.notifier = MmuIntervalNotifier(kernel.lockdep, "mirror", self.invalidate)

    async def invalidate(self) -> None:
        self.calls += 1
        self.notifier.set_seq()
        await self.go.wait()


async def test_who_began_before_an_invalidation_has_to_retry(kernel: Kernel) -> None:
    mirror = Mirror(kernel)
    mirror.go.set()
    seq = await mirror.notifier.read_begin()
    assert not mirror.notifier.read_retry(seq)
    await mirror.notifier.invalidate_range()
    assert mirror.notifier.read_retry(seq)
    assert not mirror.notifier.read_retry(await mirror.notifier.read_begin())


async def test_a_collection_does_not_begin_while_pages_go_away(kernel: Kernel) -> None:
    mirror = Mirror(kernel)
    began: list[int] = []

    async def collect() -> None:
        began.append(await mirror.notifier.read_begin())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(mirror.notifier.invalidate_range)
        await settle()
        tasks.start_soon(collect)
        await settle()
        early = list(began)
        mirror.go.set()
    assert early == []
    assert len(began) == 1
    assert not mirror.notifier.read_retry(began[0])


async def test_an_invalidation_that_is_cancelled_still_ends(kernel: Kernel) -> None:
    mirror = Mirror(kernel)
    mirror.go.set()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await mirror.notifier.invalidate_range()
    assert mirror.calls == 1


async def test_collecting_under_a_lock_that_notifiers_take_is_found(kernel: Kernel) -> None:
    lock = kernel.private_mutex("notifier_lock", None)

    async def invalidate() -> None:
        async with lock.lock():
            pass

    notifier = MmuIntervalNotifier(kernel.lockdep, "mirror", invalidate)
    await notifier.invalidate_range()
    async with lock.lock():
        await notifier.read_begin()
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA101"]


async def test_waiting_for_a_fence_in_a_notifier_is_allowed(kernel: Kernel) -> None:
    fence = kernel.fence("ring:1")
    await fence.signal()
    notifier = MmuIntervalNotifier(kernel.lockdep, "mirror", fence.wait)
    await notifier.invalidate_range()
    assert kernel.lockdep.findings == []
