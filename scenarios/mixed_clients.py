"""vGPU creators and DRM submitters together."""

from nova_async.clients import DrmSubmitter, VgpuCreator, Vm
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def mixed_clients(
    world: World, creators: int = 6, submitters: int = 6, chip: str = "GA102", vram: str = "64MiB"
) -> None:
    """Do vGPU creators and DRM submitters get along on one GpuMm?

    The creators map outside of any fence, the submitters inside; the window lock is taken by both, so it must never be
    held across an allocation by either.
    """
    gpu = await world.boot(chip, vram=vram)
    async with Vm(gpu, "vm", pages=max(64, 8 * submitters)) as vm, world.clients() as clients:
        for number in range(creators):
            clients.start(VgpuCreator(gpu, number))
        for number in range(submitters):
            clients.start(DrmSubmitter(vm, number))
