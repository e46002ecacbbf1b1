"""Frees that wait until they may take a buddy's lock.

Giving something back never awaits and never fails: it goes on this list, also in the fence path and while a task is
being cancelled. Draining takes it off, scrubs it, and frees it; whoever is outside the fence path drains.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from nova_async.errors import Errno
from nova_async.mm.gpu_buddy import AllocatedBlocks

Free = Callable[[AllocatedBlocks], Awaitable[None]]


class DeferredFrees:
    """What was given back and is not free yet.

    Args:
        free: gives one allocation back to its allocator.
    """

    def __init__(self, free: Free) -> None:
        self._free = free
        self._waiting: deque[AllocatedBlocks] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def defer(self, allocated: AllocatedBlocks) -> None:
        """Give it back later."""
        self._waiting.append(allocated)

    async def drain(self) -> None:
        """Free all that waits now. What cannot be freed because the device did not answer waits on.

        Raises:
            Errno: of the first free that failed; the others were done.
        """
        failed: list[Errno] = []
        with anyio.CancelScope(shield=True):
            for _ in range(len(self._waiting)):
                if self._waiting:  # another task may drain at the same time
                    await self._free_one(self._waiting.popleft(), failed)
        if failed:
            raise failed[0]

    async def _free_one(self, allocated: AllocatedBlocks, failed: list[Errno]) -> None:
        try:
            await self._free(allocated)
        except Errno as error:
            self._waiting.append(allocated)
            failed.append(error)
