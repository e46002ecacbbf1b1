"""A large buffer is bound while others want the window."""

from dataclasses import dataclass

from nova_async.address import PAGE_SIZE
from nova_async.clients import Vm
from nova_async.clients.forcing import buffer
from nova_async.clients.vgpu_creator import frames_of
from nova_async.kernel import DmaFence
from nova_async.mm import Gpu
from nova_async.mm.observer import Observer
from nova_async.scenario import CLEAN, World, scenario


@dataclass
class Holds(Observer):
    """For how many transactions anybody had the window in one go."""

    gpu: Gpu
    worst: int = 0
    since: int = 0

    def window_taken(self) -> None:
        """Somebody has it."""
        self.since = self.gpu.board.traffic.transactions

    def window_released(self) -> None:
        """And lets go of it."""
        self.worst = max(self.worst, self.gpu.board.traffic.transactions - self.since)


@dataclass
class Bar1User:
    """Maps a page into BAR1, uses it, and unmaps it, until somebody else is done.

    Attributes:
        gpu: whose BAR1.
        done: when to stop.
        turns: how often it got through.
    """

    gpu: Gpu
    done: DmaFence
    number: int
    turns: int = 0

    @property
    def name(self) -> str:
        """``bar1#0``."""
        return f"bar1#{self.number}"

    async def run(self) -> None:
        """Once at least."""
        page = await self.gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
        try:
            while not (self.turns and self.done.signalled):
                async with await self.gpu.bar_user.map(frames_of(page), writable=True, owner=self.name) as access:
                    access.try_write32(self.turns, 0)
                    assert access.try_read32(0) == self.turns
                self.turns += 1
        finally:
            self.gpu.mm.free_vram(page)


@scenario(expect=CLEAN)
async def large_bind(world: World, pages: int = 2048, words_per_hold: int = 256, users: int = 2) -> None:
    """Do users of BAR1 get their turn at the window while a large buffer is bound?

    The execute runs in the signalling section and lets go of the window after so many words; its lock is fair, so who
    came meanwhile has it next. Nobody keeps it longer, whoever he is: to scrub a buffer is divided as well.
    """
    gpu = await world.boot(vram="32MiB")
    gpu.mm.words_per_hold = words_per_hold
    holds = Holds(gpu)
    gpu.mm.observers.append(holds)
    async with buffer(gpu, pages) as frames, Vm(gpu, "vm", pages=2 * pages) as vm:
        job, bound = await vm.bind(frames, owner="vm")
        waiting = [Bar1User(gpu, bound, number) for number in range(users)]
        async with world.clients() as clients:
            for user in waiting:
                clients.start(user)
        await bound.wait()
        assert job.mapped is not None
        await (await vm.unbind(job.mapped)).wait()
    world.stats["bar1_turns"] = sum(user.turns for user in waiting)
    world.stats["worst_hold"] = holds.worst
    assert holds.worst <= words_per_hold + 4  # and the moves of the window
