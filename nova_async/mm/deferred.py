"""Frees that wait until they may take a buddy's lock.

Giving something back never awaits and never fails: it goes on this list, also in the fence path and while a task is
being cancelled. Draining takes it off, scrubs it, and frees it; whoever is outside the fence path drains.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from nova_async.errors import EINVAL, Errno
from nova_async.kernel import Kernel, Mutex
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.lock_order import DEFERRED

Free = Callable[[AllocatedBlocks], Awaitable[None]]


class DeferredFrees:
    """What was given back and is not free yet.

    Args:
        kernel: makes the lock.
        free: gives one allocation back to its allocator.
    """

    def __init__(self, kernel: Kernel, free: Free) -> None:
        self._free = free
        self._draining: Mutex[None] = kernel.mutex(DEFERRED, None)
        self._waiting: deque[AllocatedBlocks] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._draining.held

    def defer(self, allocated: AllocatedBlocks) -> None:
        """Give it back later.

        Raises:
            EINVAL: it was given back before.
        """
        if allocated.given_back:
            raise EINVAL(f"{allocated.buddy.name}: blocks of {allocated.owner} are given back twice")
        allocated.given_back = True
        self._waiting.append(allocated)

    async def drain(self) -> None:
        """Free all that waits now. What cannot be freed because the device did not answer waits on.

        Raises:
            Errno: of the first free that failed; the others were done.
        """
        failed: list[Errno] = []
        with anyio.CancelScope(shield=True):
            async with self._draining.lock():  # who drains next waits for what is on its way
                for _ in range(len(self._waiting)):
                    await self._free_one(self._waiting.popleft(), failed)
        if failed:
            raise failed[0]

    async def _free_one(self, allocated: AllocatedBlocks, failed: list[Errno]) -> None:
        try:
            await self._free(allocated)
        except Errno as error:
            self._waiting.append(allocated)
            failed.append(error)
