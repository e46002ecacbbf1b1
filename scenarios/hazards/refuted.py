"""What a hostile reading suspected, and the published code survives."""

import anyio

from nova_async.address import MIB, PAGE_SIZE
from nova_async.clients.forcing import ACROSS, LEAF_TABLE, buffer, engine_reads, fails_with, pages_at, touch
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL
from nova_async.kernel import Mutex
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def exclusive_prepares(world: World) -> None:
    """Do two prepares meet in one slot as published, each with the Vmm for itself?

    Hazard (d), seed 004, REFUTED as written: ``&mut Vmm`` keeps the second out until the first has inserted. What it
    takes to make it true is in one_slot_two_prepares.py.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    whole: Mutex[None] = world.kernel.private_mutex("whole_vmm", None)
    async with buffer(gpu, 2) as frames, PublishedVm(gpu) as vm:

        async def bind(page: int) -> None:
            async with whole.lock():
                prepared = await vm.vmm.prepare_map(1, pages_at(page * LEAF_TABLE))
            async with whole.lock():
                mapped = await vm.vmm.execute_map(prepared, frames[page : page + 1], writable=True)
            async with whole.lock():
                await vm.vmm.unmap_pages(mapped)

        async with anyio.create_task_group() as tasks:
            for page in range(2):
                tasks.start_soon(bind, page, name=f"bind#{page}")


@scenario(expect=CLEAN)
async def unmap_that_succeeds(world: World) -> None:
    """Is the order of a published unmap right as long as nothing fails?

    Hazard (g), seed 004, success path REFUTED: entries, flush, and only then the addresses. An engine has used the
    range, and the next mapping gets the same addresses.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 4) as frames, PublishedVm(gpu) as vm:
        for _ in range(2):
            mapped = await vm.vmm.map_pages(frames, ACROSS, writable=True)
            touch(gpu, vm.vmm.pdb_addr, ACROSS.start)
            await vm.vmm.unmap_pages(mapped)


@scenario(expect=CLEAN)
async def tables_installed_top_down(world: World) -> None:
    """Does the GPU see garbage if it looks while tables are being installed?

    REFUTED, seed 004. Slots are written in the order of their addresses, whatever their level, but every table was
    zeroed by prepare: what is linked early is empty. An engine works next door meanwhile.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 2) as frames, PublishedVm(gpu) as vm:
        first = await vm.vmm.map_pages(frames[:1], pages_at(0), writable=True)
        with engine_reads(gpu, vm.vmm.pdb_addr, 0):
            second = await vm.vmm.map_pages(frames[1:], pages_at(LEAF_TABLE), writable=True)
        await vm.vmm.unmap_pages(second)
        await vm.vmm.unmap_pages(first)


@scenario(expect=CLEAN)
async def walk_loop_bound(world: World, chip: str = "GH100") -> None:
    """Does the walk loop of prepare end too early on an empty tree?

    REFUTED, seed 004. It may go round twice as often as there are levels, and needs one more than there are; here on
    the chip with the most levels.
    """
    gpu = await world.boot(chip, vram="16MiB")
    async with buffer(gpu, 1) as frames, PublishedVm(gpu) as vm:
        await vm.vmm.unmap_pages(await vm.vmm.map_pages(frames, pages_at(512 * MIB), writable=True))


@scenario(expect=CLEAN)
async def wide_access_at_the_end(world: World) -> None:
    """Does a 64-bit access at the last word of a BAR1 mapping reach beyond it?

    REFUTED, seed 000. Alignment is enforced and sizes are whole pages, so the last 8 bytes are the mapping's; four
    bytes further on is no multiple of 8.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 1, owner="client") as frames,
        await gpu.bar_user.map(frames, writable=True, owner="client") as access,
    ):
        access.try_write64(1, PAGE_SIZE - 8)
        for offset in (PAGE_SIZE - 4, PAGE_SIZE):
            with fails_with(EINVAL):
                access.try_read64(offset)
