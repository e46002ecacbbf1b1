"""The reclaimer running all the while."""

from nova_async.clients import DrmSubmitter, IdleBuffers, Reclaimer, VgpuCreator, Vm
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=CLEAN)
async def reclaimer(
    world: World,
    creators: int = 4,
    submitters: int = 4,
    pressure: float = 0.3,
    chip: str = "GA102",
    vram: str = "64MiB",
) -> None:
    """What if reclaim runs all the while, and waits for the very fences that the submitters signal?

    Submitters leave their buffers in a cache; its shrinker waits for their fences and frees them. kswapd runs it
    without a pause, and a part of all allocations (``pressure``) finds memory short and runs it too.
    """
    gpu = await world.boot(chip, vram=vram)
    idle = IdleBuffers(world.kernel, gpu.mm)
    world.kernel.reclaim.register(idle)
    world.inject(reclaim=pressure)
    async with Vm(gpu, "vm", pages=max(64, 8 * submitters)) as vm:
        async with world.clients() as clients:
            clients.attend(Reclaimer(world.kernel))
            for number in range(creators):
                clients.start(VgpuCreator(gpu, number))
            for number in range(submitters):
                clients.start(DrmSubmitter(vm, number, binds=3, idle=idle))
        await world.kernel.reclaim.shrink()
