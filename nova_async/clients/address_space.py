"""An address space with a root of its own, for those who bring none."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from nova_async.address import PAGE_SIZE, VramAddress
from nova_async.mm import Gpu, Vmm
from nova_async.mm.designs import MakeVmm, ours
from nova_async.mm.surely import surely


@asynccontextmanager
async def address_space(gpu: Gpu, name: str, pages: int, make: MakeVmm | None = None) -> AsyncIterator[Vmm]:
    """An address space, for the length of an ``async with``.

    Args:
        gpu: whose.
        name: for reports, and the owner of its tables.
        pages: how many pages of addresses it offers.
        make: how it locks; as ours if not given.

    Raises:
        ENOSPC, ENOMEM, EIO: no page for the root.
        EBUSY: at the end, something is still mapped.
    """
    async with AsyncExitStack() as undo:
        undo.push_async_callback(surely, gpu.mm.deferred.drain)
        root = await gpu.mm.alloc_vram(PAGE_SIZE, owner=name)
        undo.callback(gpu.mm.free_vram, root)
        vmm = (make or ours(gpu))(VramAddress(root.address), pages * PAGE_SIZE, name)
        undo.push_async_callback(surely, vmm.close)
        yield vmm
