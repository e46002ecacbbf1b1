"""vGPU creators alone."""

from nova_async.clients import VgpuCreator
from nova_async.scenario import CLEAN, Positive, World, scenario


@scenario(expect=CLEAN)
async def vgpu_creators(
    world: World, creators: int = 8, pages: Positive = 16, chip: str = "GA102", vram: str = "64MiB"
) -> None:
    """Can many vGPU creators share one window, one TLB and one BAR1?

    This is what was asked on the list in January: what happens when people create vGPUs concurrently? Each creator
    builds its own address space; the window, the invalidate registers, the VRAM allocator and BAR1 are everybody's.
    """
    gpu = await world.boot(chip, vram=vram)
    async with world.clients() as clients:
        for gfid in range(creators):
            clients.start(VgpuCreator(gpu, gfid, pages=pages), alike_at=gpu.bar_user.vmm.addresses)
