"""Hazards whose order nobody forces: the scenarios that have them put it as one run can answer it, these do not."""

from dataclasses import dataclass
from functools import partial

from nova_async.clients.caller import Caller
from nova_async.kernel import Mutex
from nova_async.mm import Gpu
from nova_async.mm.v6 import Devres, Tlb
from nova_async.scenario import World, scenario

PDBS = (0x10_0000, 0x20_0000)
"""Two page directory bases."""


def january_tlb(gpu: Gpu) -> Tlb:
    """As the v6 series has it, with no lock around its registers."""
    bar = Devres(gpu.board.bar0, observers=gpu.mm.observers)
    return Tlb(bar, gpu.board.clock, gpu.kernel.faults)


@scenario(expect=("NOVA306", "NOVA308"), explore="exhaustive")
async def free_flushes(world: World) -> None:
    """May two tasks flush at the same time?

    Hazard (j), as in scenarios/hazards/flushes_interleave.py. One has to write its address between the other's address
    and trigger, and not to wait for that trigger before.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with world.clients() as clients:
        for number, pdb in enumerate(PDBS):
            clients.start(Caller(f"flush#{number}", partial(january_tlb(gpu).flush, pdb)))


@dataclass(frozen=True, slots=True)
class _Taker:
    """Holds two locks for a moment."""

    first: Mutex[None]
    second: Mutex[None]

    async def take(self) -> None:
        async with self.first.lock(), self.second.lock():
            pass


@scenario(expect=("NOVA101", "NOVA401"), explore="exhaustive")
async def free_lock_order(world: World) -> None:
    """Do two paths that disagree on the order of two locks deadlock?

    As in scenarios/opposite_order.py, where they never meet.
    """
    placement: Mutex[None] = world.kernel.private_mutex("placement", None)
    channels: Mutex[None] = world.kernel.private_mutex("channels", None)
    async with world.clients() as clients:
        clients.start(Caller("create", _Taker(placement, channels).take))
        clients.start(Caller("reset", _Taker(channels, placement).take))


RACES = (free_flushes, free_lock_order)
"""Each takes a search to see what it expects."""
