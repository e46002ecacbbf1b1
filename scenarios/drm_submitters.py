"""DRM submitters alone."""

from nova_async.clients import DrmSubmitter, Vm
from nova_async.scenario import CLEAN, Positive, World, scenario


@scenario(expect=CLEAN)
async def drm_submitters(
    world: World, submitters: int = 8, pages: Positive = 4, binds: int = 3, chip: str = "GA102", vram: str = "64MiB"
) -> None:
    """May many submitters share one address space, prepared outside and executed inside the fence path?

    Prepare allocates, so it may wait for fences; execute runs while a fence is public, so it may not. All submitters
    use one Vmm: their prepares, executes and unmaps overlap.
    """
    gpu = await world.boot(chip, vram=vram)
    async with Vm(gpu, "vm", pages=max(64, 2 * submitters * pages)) as vm, world.clients() as clients:
        for number in range(submitters):
            clients.start(DrmSubmitter(vm, number, pages=pages, binds=binds))
