import pytest
from anyio.lowlevel import checkpoint

from nova_async.errors import EDEADLK
from nova_async.kernel import Kernel
from nova_async.kernel.spinlock import SpinLock
from nova_async.lockdep import WaitType


def spinlock(kernel: Kernel) -> SpinLock[list[int]]:
    return SpinLock(kernel.lockdep, kernel.lockdep.lock("spin", wait=WaitType.SPIN), [])


async def test_it_hands_out_its_data(kernel: Kernel) -> None:
    lock = spinlock(kernel)
    with lock.lock() as data:
        data.append(1)
    with lock.lock() as data:
        assert data == [1]
    assert not kernel.lockdep.findings


async def test_sleeping_under_it_is_found(kernel: Kernel) -> None:
    mutex = kernel.private_mutex("mutex", None)
    with spinlock(kernel).lock():
        async with mutex.lock():
            pass
    assert [finding.code for finding in kernel.lockdep.findings] == ["NOVA205"]


async def test_who_wants_it_while_its_holder_sleeps_is_told(kernel: Kernel) -> None:
    lock = spinlock(kernel)
    with lock.lock():
        await checkpoint()
        with pytest.raises(EDEADLK, match="asleep"), lock.lock():
            pass
