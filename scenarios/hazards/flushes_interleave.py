"""Two TLB flushes at the same time."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import anyio

from nova_async.clients.caller import Caller, one_caller
from nova_async.clients.forcing import fails_with
from nova_async.errors import ETIMEDOUT
from nova_async.hw.listener import Listener
from nova_async.mm import Gpu
from nova_async.mm.regs import INVALIDATE, PDB_HI, PDB_LO
from nova_async.mm.v6 import Devres, Tlb
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import share
from nova_async.scenario import CLEAN, World, scenario

FIRST, SECOND = 0x10_0000, 0x20_0000
"""Two page directory bases."""


@contextmanager
def stuck(gpu: Gpu) -> Iterator[None]:
    """No invalidate ends that is triggered in this block; all do after it."""
    gpu.board.invalidate.stuck = True
    try:
        yield
    finally:
        gpu.board.invalidate.stuck = False


class Turns(Listener):
    """Lets tasks write the invalidate registers in one order: ``"AAB"`` is two writes by A, then one by B.

    Args:
        gpu: whose registers.
        order: after its end everybody writes at will.
    """

    def __init__(self, gpu: Gpu, order: str) -> None:
        self._gpu = gpu
        self._order = deque(order)
        self._sleepers = Sleepers(in_turn=False)
        gpu.board.listeners.append(self)

    def tlb(self, name: str) -> Tlb:
        """January's TLB, for the task that has this name in the order."""
        bar = Devres(self._gpu.board.bar0, observers=self._gpu.mm.observers)
        bar.tell = Operation(Kind.WRITE, "gpu invalidate", lambda: self._is_turn(name), self._sleepers)
        return Tlb(bar, self._gpu.board.clock, self._gpu.kernel.faults)

    def register_written(self, offset: int, value: int) -> None:  # noqa: ARG002  the listener's signature
        """The turn is over."""
        if self._order and offset in (PDB_LO, PDB_HI, INVALIDATE):
            self._order.popleft()
            share("turns", len(self._order))
            self._sleepers.wake_all()

    def _is_turn(self, name: str) -> bool:
        return not self._order or self._order[0] == name


@scenario(expect=("NOVA306", "NOVA308"))
async def flushes_interleave(world: World) -> None:
    """May two tasks flush at the same time?

    Hazard (j), the flush of series v6, PROVEN+. A writes both halves of its address, B the low half of its own, A the
    trigger: what is flushed is B's, and A takes its own for done. Nobody holds a lock (NOVA306).
    """
    gpu = await world.boot("GA102", vram="16MiB")
    turns = Turns(gpu, "AABABB")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turns.tlb("A").flush, FIRST, name="A")
        tasks.start_soon(turns.tlb("B").flush, SECOND, name="B")


@scenario(expect=CLEAN)
async def flushes_interleave_ours(world: World) -> None:
    """Does one lock from the first register to the end of the trigger keep two flushes apart?

    Hazard (j), the same two flushes. Each invalidates its own address space, whoever comes first.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    async with world.clients() as clients:
        clients.start(Caller("A", partial(gpu.mm.tlb.flush, FIRST)))
        clients.start(Caller("B", partial(gpu.mm.tlb.flush, SECOND)))


@scenario(expect=("NOVA306", "NOVA308"))
async def flush_after_timeout(world: World) -> None:
    """May a flush write the registers while one that timed out is still in flight?

    Hazard (j), second half, PROVEN+; the mutex of later series does not help. The first flush gives up after 2 s with
    the trigger set. The next one writes another address under it, and the first invalidate is redirected.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    tlb = Turns(gpu, "").tlb("A")
    with stuck(gpu):
        for pdb in (FIRST, SECOND):
            with fails_with(ETIMEDOUT):
                await tlb.flush(pdb)


@scenario(expect=CLEAN)
@one_caller
async def flush_after_timeout_ours(world: World) -> None:
    """Does a flush of ours wait for idle before it touches a register?

    Hazard (j), second half, the same stuck trigger. The second flush times out too, without having written anything;
    every address space waits 2 s then, as it must.
    """
    gpu = await world.boot("GA102", vram="16MiB")
    with stuck(gpu):
        for pdb in (FIRST, SECOND):
            with fails_with(ETIMEDOUT):
                await gpu.mm.tlb.flush(pdb)
