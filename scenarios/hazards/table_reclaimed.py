"""Empty tables that are taken out."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, mapping, one_caller, preparing
from nova_async.clients.forcing import ACROSS, LEAF_TABLE, buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EIO
from nova_async.mm.published import Vmm
from nova_async.mm.published.blocks import drop_table
from nova_async.scenario import CLEAN, World, scenario


class Reclaiming(Vmm):
    """The published Vmm with its TODO done: empty leaf tables are taken out."""

    async def reclaim(self, slot: int, table: int) -> None:
        """Clear the slot of one leaf table, flush, and free the table."""
        async with self._mm.pramin.window() as window:
            window.try_write64(slot, 0)
        await self._mm.tlb.flush(self.pdb_addr)
        kept = self.page_table_allocs.take_all()
        await self.page_table_allocs.reserve(len(kept))
        for page in kept:
            if page.address == table:
                await drop_table(self._mm, page)
            else:
                self.page_table_allocs.push_within_capacity(page)


@scenario(expect=("NOVA302", "NOVA307", "NOVA309"))
async def table_reclaimed(world: World) -> None:
    """May a table be taken out because nothing is mapped in it?

    Hazard B16, seed 004, COND: if the TODO is done. Prepare records nothing where it finds the path present. The second
    of its two leaf tables is empty once its neighbour is unmapped, and is taken out; execute writes the leaves in the
    first, misses the second, and frees the addresses.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 5) as frames, PublishedVm(gpu, revision=Reclaiming) as vm:
        assert isinstance(vm.vmm, Reclaiming)
        neighbour = await vm.vmm.map_pages(frames[4:], pages_at(2 * LEAF_TABLE - 4096), writable=True)
        prepared = await vm.vmm.prepare_map(4, ACROSS)
        await vm.vmm.unmap_pages(neighbour)
        *_, empty = gpu.board.mmu.tables(vm.vmm.pdb_addr)
        assert empty.slot is not None
        await vm.vmm.reclaim(empty.slot + 8, empty.address)
        with fails_with(EIO):
            await vm.vmm.execute_map(prepared, frames[:4], writable=True)


@scenario(expect=CLEAN)
@one_caller
async def table_reclaimed_ours(world: World) -> None:
    """Does a pending prepare of ours keep the tables that it found present?

    Hazard B16, the same neighbour. Prepare takes part in every table on its path, so the neighbour's unmap, or the
    abort of another prepare, leaves them all. Who takes out what nobody takes part in finds nothing while the prepare
    is pending, and all of them when its mapping is gone.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 5) as frames,
        address_space(gpu, "vm", pages=1024) as vmm,
        preparing(vmm, 1, pages_at(2 * LEAF_TABLE - 8192)) as given_up,
        mapping(vmm, frames[4:], pages_at(2 * LEAF_TABLE - 4096)) as neighbour,
        preparing(vmm, 4, ACROSS) as prepared,
    ):
        await vmm.unmap_pages(neighbour)
        await vmm.abort(given_up)
        assert not await vmm.reclaim_tables()
        async with executing(prepared, frames[:4]):
            pass
        assert await vmm.reclaim_tables()
        await gpu.mm.deferred.drain()
