"""An address space of the published code, from its root directory to its end.

The published Vmm frees its tables under a root that still points to them and leaves the rest to its caller. So that a
scenario shows the hazard it is about and no other, this caller takes the tables out of the root first.
"""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from nova_async.address import GIB, PAGE_SIZE, VramAddress
from nova_async.kernel import Mutex
from nova_async.mm import Gpu
from nova_async.mm.published import Vmm
from nova_async.mm.surely import surely

VA_SIZE = 8 * GIB
"""Room for mappings that share no table but the upper ones."""


class PublishedVm:
    """One published Vmm, for the length of an ``async with``.

    Args:
        gpu: whose.
        name: for reports; also the owner of its tables.
        pdb: a root that somebody else owns and clears; one of its own if not given.
        exclusive: what gives callers ``&mut Vmm``.
        revision: the published Vmm, or a revision of it.

    Attributes:
        vmm: the address space.
    """

    vmm: Vmm

    def __init__(
        self,
        gpu: Gpu,
        name: str = "vm",
        *,
        pdb: VramAddress | None = None,
        exclusive: Mutex[None] | None = None,
        revision: type[Vmm] = Vmm,
    ) -> None:
        self.gpu = gpu
        self.name = name
        self._pdb = pdb
        self._exclusive = exclusive
        self._revision = revision
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        mm, version = self.gpu.mm, self.gpu.chipset.mmu_version
        async with AsyncExitStack() as undo:
            undo.push_async_callback(surely, mm.deferred.drain)
            pdb = self._pdb if self._pdb is not None else await self._own_root(undo)
            self.vmm = self._revision(
                mm, pdb, version, VA_SIZE, name=self.name, owner=self.name, exclusive=self._exclusive
            )
            undo.push_async_callback(self.vmm.drop)
            if self._pdb is None:
                undo.push_async_callback(surely, self.clear_root)
            self._undo = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._undo.__aexit__(kind, error, trace)

    async def _own_root(self, undo: AsyncExitStack) -> VramAddress:
        root = await self.gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
        undo.callback(self.gpu.mm.free_vram, root)
        return VramAddress(root.address)

    async def clear_root(self) -> None:
        """Take the tables out; whoever brought the root calls this, or clears it otherwise."""
        async with self.gpu.mm.pramin.window() as window:
            window.fill(self.vmm.pdb_addr, PAGE_SIZE // 8)
        await self.gpu.mm.tlb.flush(self.vmm.pdb_addr)
