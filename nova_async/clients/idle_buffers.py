"""Buffers that are idle, or will be once their fence has signalled: kept for reuse until reclaim wants them back.

The shrinker keeps to the rules of ``drm_gem_lru_scan`` (lockdep.md 3.7): the LRU lock is held only to pick, and the
wait for the fence happens after it is dropped.
"""

from collections import deque

import anyio

from nova_async.kernel import DmaFence, Kernel
from nova_async.mm import GpuMm
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.point import touch


class IdleBuffers:
    """A cache of buffers, oldest first.

    Args:
        kernel: makes the LRU lock.
        mm: takes the buffers back.
    """

    name = "idle buffers"

    def __init__(self, kernel: Kernel, mm: GpuMm) -> None:
        self._mm = mm
        self._count = 0
        self._lru = kernel.private_mutex("idle_lru", deque[tuple[AllocatedBlocks, DmaFence]]())

    async def put(self, buffer: AllocatedBlocks, fence: DmaFence) -> None:
        """Keep a buffer that is idle once ``fence`` has signalled."""
        async with self._lru.lock() as lru:
            lru.data.append((buffer, fence))
            self._count += 1

    def count(self) -> int:
        """How many are kept."""
        touch(self._lru.name)
        return self._count

    async def scan(self, count: int) -> int:
        """Give up to ``count`` buffers back, the oldest first."""
        freed = 0
        while freed < count and (picked := await self._pick()):
            if not await self._free(*picked):
                break
            freed += 1
        return freed

    async def _free(self, buffer: AllocatedBlocks, fence: DmaFence) -> bool:
        """Free a buffer once the GPU cannot reach it any more; keep it where that is not sure."""
        try:
            await fence.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.put(buffer, fence)
            raise
        if fence.error is not None:
            await self.put(buffer, fence)
            return False
        self._mm.free_vram(buffer)
        return True

    async def _pick(self) -> tuple[AllocatedBlocks, DmaFence] | None:
        async with self._lru.lock() as lru:
            if not lru.data:
                return None
            self._count -= 1
            return lru.data.popleft()
