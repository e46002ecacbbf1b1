"""What happens when the published code drops an allocation: it is freed on the spot.

Rust's drop takes the buddy's mutex wherever it happens to run, also in the fence path and also under the PRAMIN lock
(hazards.md k, B1). Nothing can refuse or cancel it.
"""

import anyio

from nova_async.address import PAGE_SIZE
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.gpu_mm import GpuMm


async def alloc_table(mm: GpuMm, owner: str) -> AllocatedBlocks:
    """One page of VRAM for ``owner``, with whatever it held before.

    Raises:
        ENOSPC: VRAM is full.
        ENOMEM: no host memory.
    """
    page = await mm.buddy.alloc_blocks(PAGE_SIZE, owner=owner)
    mm.owners.grant(page.frames(), owner)
    return page


async def drop_table(mm: GpuMm, page: AllocatedBlocks) -> None:
    """Free a page of VRAM, as dirty."""
    mm.owners.revoke(page.frames())
    await drop_range(page)


async def drop_range(allocated: AllocatedBlocks) -> None:
    """Give an allocation back to its buddy, now."""
    with anyio.CancelScope(shield=True):
        await allocated.buddy.free(allocated)
