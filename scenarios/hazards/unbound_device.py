"""A device that is unbound while something is mapped."""

from nova_async.address import PAGE_SIZE, Vfn, VramAddress
from nova_async.clients.caller import one_caller
from nova_async.clients.forcing import buffer, fails_with
from nova_async.errors import ENODEV
from nova_async.hw.chipset import MmuVersion
from nova_async.kernel.core import LockRow
from nova_async.mm.v6 import GpuMm, Vmm
from nova_async.scenario import CLEAN, World, scenario

RCU = LockRow(
    name="rcu_read_lock",
    order=0,
    guards="BAR0 as long as the device is bound",
    taken_by="every access",
    fence_path=True,
    reclaim_under=False,
    spins=True,
)


@scenario(expect=("NOVA301", "NOVA306"))
async def unbound_device(world: World) -> None:
    """What is left in the page tables if the driver is unbound before the unmap?

    Hazard (i), seeds 001 and 003, PROVEN. After the unbind every access is ENODEV. That corrupts nothing by itself, but
    the unmap fails, the window is not put back, and the caller, who has nothing else to do, frees the memory under the
    live entry. January took no locks (NOVA306).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = await gpu.mm.alloc_vram(PAGE_SIZE, owner="vm")
    async with GpuMm(gpu) as mm:
        vmm = Vmm(mm, VramAddress(root.address), MmuVersion.V2, name="vm", owner="vm")
        async with buffer(gpu, 1) as frames:
            await vmm.map_page(mm, Vfn(0), frames[0], writable=True)
            mm.bar.revoke()
            with fails_with(ENODEV):
                await vmm.unmap_page(mm, Vfn(0))
        await vmm.drop(mm)
    gpu.mm.free_vram(root)


@scenario(expect="NOVA205")
async def unbound_device_guard(world: World) -> None:
    """May a flush keep the guard that holds off the unbind while it polls?

    Hazard (i), last sentence, series v6 to v11, PROVEN+. The guard is an RCU read section, and the poll sleeps for up
    to 2 s.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    guard = world.kernel.spinlock(RCU, None)
    with guard.lock():
        await gpu.mm.tlb.flush(gpu.board.gsp.bar1_pde_base)


@scenario(expect=CLEAN)
@one_caller
async def unbound_device_guard_ours(world: World) -> None:
    """Does a flush of ours poll under nothing but locks that may sleep?

    Hazard (i), last sentence.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    await gpu.mm.tlb.flush(gpu.board.gsp.bar1_pde_base)
