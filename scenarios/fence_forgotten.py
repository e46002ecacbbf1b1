"""A fence that is public before all that can fail was done."""

from nova_async.clients import Vm
from nova_async.clients.forcing import fails_with
from nova_async.errors import ENOSPC, Errno
from nova_async.kernel import DmaFence
from nova_async.scenario import CLEAN, World, scenario


async def submit(vm: Vm, fence: DmaFence) -> None:
    """Publish the fence, and only then look for the memory: all there is, of which the VM's root has a page."""
    fence.publish()
    blocks = await vm.gpu.mm.alloc_vram(len(vm.gpu.mm.usable), owner=vm.name)
    vm.gpu.mm.free_vram(blocks)
    await fence.signal()


@scenario(expect="NOVA402")
async def fence_forgotten(world: World) -> None:
    """May a fence be published before the memory of its job is there?

    There is no memory, the submit fails, and its caller is told. Those who have seen the fence are not.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with Vm(gpu, "vm", pages=64) as vm:
        with fails_with(ENOSPC):
            await submit(vm, world.kernel.fence("vm:1"))


@scenario(expect=CLEAN)
async def fence_signalled_with_an_error(world: World) -> None:
    """And if the fence is signalled on every way out?"""
    gpu = await world.boot("GA102", vram="16MiB")
    fence = world.kernel.fence("vm:1")
    async with Vm(gpu, "vm", pages=64) as vm:
        try:
            await submit(vm, fence)
        except Errno as error:
            await fence.signal(error)
    assert isinstance(fence.error, ENOSPC)
