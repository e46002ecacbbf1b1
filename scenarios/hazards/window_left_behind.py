"""A window that is not put back."""

from nova_async.address import KIB, MIB
from nova_async.mm import Gpu
from nova_async.mm.v6 import Devres, Window
from nova_async.scenario import World, scenario

FAR_AWAY = 16 * MIB - 64 * KIB
"""In memory that firmware keeps, at the end of a board of 16 MiB."""


def vbios_looks(gpu: Gpu, base: int) -> None:
    """The VBIOS, which takes no lock of ours, looks through the window where it was when the driver came."""
    for observer in gpu.mm.observers:
        observer.window_used(gpu.board.bar0, base)


@scenario(expect="NOVA304")
async def window_left_behind(world: World) -> None:
    """May the window stay where the last access left it?

    Hazard B19, seed 002, COND: if somebody else looks through it. RM says that its last position is shared with the
    VBIOS. This is today's Pramin, ours included: one write for each move instead of two, and nothing put back.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    found = gpu.board.bar0.window.base
    async with gpu.mm.pramin.window() as window:
        window.try_write64(FAR_AWAY, 1)
    vbios_looks(gpu, found)


@scenario(expect="NOVA306")
async def window_put_back(world: World) -> None:
    """Does January's window, which is put back, spare the VBIOS?

    Hazard B19, seed 001: yes, if nobody looks while it is away, for there is no lock (NOVA306).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    found = gpu.board.bar0.window.base
    async with Window(Devres(gpu.board.bar0, observers=gpu.mm.observers)) as window:
        await window.try_write64(FAR_AWAY, 1)
    vbios_looks(gpu, found)
