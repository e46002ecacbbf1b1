"""Allocation under the window lock."""

from nova_async.lockdep import Gfp
from nova_async.scenario import World, scenario


@scenario(expect="NOVA201")
async def alloc_under_window_lock(world: World) -> None:
    """May a walk allocate the table that it finds missing, with the window still in its hands?

    The obvious way to walk and fill page tables. Memory is plentiful here and no fence is anywhere near: the rule is
    broken all the same, because the window lock is declared as taken in the fence path.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    root = gpu.board.gsp.bar1_pde_base
    async with gpu.mm.pramin.window() as window:
        if window.try_read64(root) == 0:
            await world.kernel.memory.alloc(Gfp.KERNEL, "a table page, in the middle of the walk")
