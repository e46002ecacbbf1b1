"""BAR1 addresses beyond BAR1."""

from nova_async.clients.caller import bar1_mapping, one_caller
from nova_async.clients.forcing import buffer, fails_with, pages_at
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL, ENOSPC
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect="NOVA315")
async def beyond_the_aperture(world: World) -> None:
    """May the address space of BAR1 be larger than BAR1?

    Hazard B11, the published driver.rs, PROVEN+. The size was a constant, and not every BAR1 is that large. A mapping
    behind its end succeeds, tables and flush and all; the first access to it is EINVAL.
    """
    gpu = await world.boot("GA102", vram="16MiB", bar1="64KiB")
    await gpu.bar_user.vmm.close()  # the published one has BAR1 to itself
    async with buffer(gpu, 1) as frames, PublishedVm(gpu, pdb=gpu.bar_user.vmm.pdb_addr) as vm:
        mapped = await vm.vmm.map_pages(frames, pages_at(gpu.board.bar1.size), writable=True)
        with fails_with(EINVAL):
            gpu.board.bar1.read32(gpu.board.bar1.size)
        await vm.vmm.unmap_pages(mapped)
        await vm.clear_root()


@scenario(expect=CLEAN)
@one_caller
async def beyond_the_aperture_ours(world: World) -> None:
    """Does ours hand out only such BAR1 addresses as the aperture reaches?

    Hazard B11, driver.rs, PROVEN+. The published address space of BAR1 is larger than a small BAR1: the mapping
    succeeds and every access to it is EINVAL. Ours is as large as the aperture, so the mapping fails.
    """
    gpu = await world.boot("GA102", vram="16MiB", bar1="64KiB")
    async with buffer(gpu, 17, owner="client") as frames:
        async with bar1_mapping(gpu, frames[:16], owner="client") as whole:
            whole.try_write32(1, whole.size - 4)
            with fails_with(ENOSPC):
                await gpu.bar_user.map(frames[16:], writable=True, owner="client")
        with fails_with(EINVAL):
            await gpu.bar_user.vmm.prepare_map(1, pages_at(gpu.board.bar1.size))
