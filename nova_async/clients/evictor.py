"""A shrinker that takes the memory of buffers which are in nobody's hands, the least recently used first.

It keeps to the rules of ``drm_gem_lru_scan`` (lockdep.md 3.7): the LRU lock is held only to pick; the reservation is
only tried, as reclaim may be running because its holder wants memory; waiting for fences under it is allowed. Nothing
here allocates, and nothing takes an allocator's lock.
"""

from collections import deque

import anyio

from nova_async.clients.gem import GemObject, Place
from nova_async.errors import EIO, ENOSPC, ETIMEDOUT
from nova_async.kernel import Kernel, Mutex, ResvGuard, Usage
from nova_async.point import observe, touch


class Evictor:
    """The buffers of one device that may be evicted.

    Args:
        kernel: makes the LRU lock.

    Attributes:
        evicted: how many buffers lost their memory.
        skipped: how often a buffer was left alone because somebody had it locked.
    """

    name = "gem evictor"

    def __init__(self, kernel: Kernel) -> None:
        self.evicted = 0
        self.skipped = 0
        self._count = 0
        self._turn: Mutex[None] = kernel.private_mutex("gem_evictor", None)
        self._lru = kernel.private_mutex("gem_lru", deque[GemObject]())

    def count(self) -> int:
        """How many buffers are resident."""
        touch(self._lru.name)
        return self._count

    async def scan(self, count: int) -> int:
        """Evict up to ``count`` buffers, looking at each at most once.

        One at a time: what another one has picked and not freed yet would look like nothing left to evict.
        """
        evicted = 0
        async with self._turn.lock():
            for _ in range(self._count):
                if evicted == count:
                    break
                evicted += await self._evict_oldest()
        return evicted

    async def populate(self, gem: GemObject, place: Place) -> None:
        """Make a buffer resident, at the cost of others if VRAM is short, and the most recently used. Under its lock.

        Raises:
            ENOSPC, ENOMEM, EIO, ETIMEDOUT: as :meth:`GemObject.populate`.
        """
        while place.blocks is None:
            before = self._evicted_so_far()
            try:
                await gem.populate(place)
            except ENOSPC:
                if not await self.scan(1) and self._evicted_so_far() == before:
                    raise  # neither this task nor anybody else has made room since
        with anyio.CancelScope(shield=True):
            await self.forget(gem)
            await self._remember(gem)

    async def forget(self, gem: GemObject) -> None:
        """It is not to be evicted any more."""
        async with self._lru.lock() as lru:
            if gem in lru.data:
                lru.data.remove(gem)
                self._count -= 1

    def _evicted_so_far(self) -> int:
        observe(self.evicted)
        return self.evicted

    async def _evict_oldest(self) -> bool:
        """Whether memory was freed."""
        gem = await self._pick()
        if gem is None:
            return False
        keep = True
        try:
            guard = await gem.resv.try_lock()
            if guard is None:
                self.skipped += 1
                return False
            with guard:
                had_memory = guard.data.blocks is not None
                keep = had_memory and not await self._evict(gem, guard)
        finally:
            if keep:
                with anyio.CancelScope(shield=True):
                    await self._remember(gem)
        return had_memory and not keep

    async def _evict(self, gem: GemObject, guard: ResvGuard[Place]) -> bool:
        await gem.resv.wait(Usage.BOOKKEEP)
        try:
            await gem.evict(guard.data)
        except (EIO, ETIMEDOUT):
            return False
        self.evicted += 1
        return True

    async def _pick(self) -> GemObject | None:
        async with self._lru.lock() as lru:
            if not lru.data:
                return None
            self._count -= 1
            return lru.data.popleft()

    async def _remember(self, gem: GemObject) -> None:
        """Its holder may have done so while somebody found it locked."""
        async with self._lru.lock() as lru:
            if gem not in lru.data:
                lru.data.append(gem)
                self._count += 1
