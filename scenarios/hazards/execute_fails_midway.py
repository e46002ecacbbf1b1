"""Execute that fails in the middle."""

from nova_async.clients.address_space import address_space
from nova_async.clients.caller import executing, one_caller, preparing
from nova_async.clients.forcing import ACROSS, buffer, fails_with, silent_at, silent_tlb
from nova_async.clients.published_vm import PublishedVm
from nova_async.errors import EINVAL, EIO, ETIMEDOUT
from nova_async.scenario import CLEAN, World, scenario


@scenario(expect=("NOVA302", "NOVA309"))
async def execute_fails_midway(world: World) -> None:
    """What is left of a mapping whose second half could not be written?

    Hazard (c), seed 004, PROVEN. The bus dies after two of four entries. Execute took the prepared mapping apart
    before it began, so the error frees the addresses and leaves two live entries in them, for nobody, and no handle to
    take them out with.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 4) as frames, PublishedVm(gpu) as vm:
        prepared = await vm.vmm.prepare_map(4, ACROSS)
        with silent_at(gpu, vm.vmm.pdb_addr, leaves=2), fails_with(EIO):
            await vm.vmm.execute_map(prepared, frames, writable=True)


@scenario(expect=CLEAN)
@one_caller
async def execute_fails_midway_ours(world: World) -> None:
    """Does an execute of ours that failed halfway leave everything as it was?

    Hazard (c), the same dead bus. A journal tells what was written; undoing it needs the bus too, so the mapping waits,
    addresses and all, until an abort gets through.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 4) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        preparing(vmm, 4, ACROSS) as prepared,
    ):
        with silent_at(gpu, vmm.pdb_addr, leaves=2):
            with fails_with(EIO):
                await vmm.execute_map(prepared, frames, writable=True)
            if prepared.half_done:  # not if another failure came first
                with fails_with(EIO):
                    await vmm.abort(prepared)
        await vmm.abort(prepared)


@scenario(expect=("NOVA302", "NOVA309"))
async def execute_fails_at_the_flush(world: World) -> None:
    """What is left of a mapping whose entries are written, and whose flush failed?

    Hazard (c), second point, seed 004, PROVEN. The whole range is mapped and its addresses are free.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with buffer(gpu, 4) as frames, PublishedVm(gpu) as vm:
        prepared = await vm.vmm.prepare_map(4, ACROSS)
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vm.vmm.execute_map(prepared, frames, writable=True)


@scenario(expect=CLEAN)
@one_caller
async def execute_fails_at_the_flush_ours(world: World) -> None:
    """Does an execute of ours whose flush failed keep its addresses until they are clear?

    Hazard (c), second point, the same silent TLB. The entries are taken out again; that cannot be flushed either, so
    the mapping waits for an abort that can.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 4) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        preparing(vmm, 4, ACROSS) as prepared,
    ):
        with silent_tlb(gpu), fails_with(ETIMEDOUT):
            await vmm.execute_map(prepared, frames, writable=True)
        await vmm.abort(prepared)


@scenario(expect=CLEAN)
@one_caller
async def wrong_number_of_frames_ours(world: World) -> None:
    """May the caller of ours try again who passed the wrong number of frames?

    Hazard (c), third point. The published execute answers EINVAL too, but the prepared mapping was moved in and is
    gone, while its table pages stay pending: what that leads to is hazard (f), dropped_prepare.py.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with (
        buffer(gpu, 4) as frames,
        address_space(gpu, "vm", pages=1 << 20) as vmm,
        preparing(vmm, 4, ACROSS) as prepared,
    ):
        with fails_with(EINVAL):
            await vmm.execute_map(prepared, frames[:3], writable=True)
        async with executing(prepared, frames):
            pass
