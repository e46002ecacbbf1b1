"""Four ways to lock an address space, in virtual time: how many binds they let through, and who waits for how long.

Every client binds a buffer and unbinds it, over and over, and has no other work, so that all of them always want
something. They share one address space, or have one each.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

import anyio

from nova_async.address import MIB, PAGE_SIZE, Pfn
from nova_async.bench import Settings
from nova_async.bench.figure import Goal, Report, Samples
from nova_async.bench.virtual_time import Stopwatch, VirtualTime, run_in
from nova_async.clients.address_space import address_space
from nova_async.clients.vgpu_creator import frames_of
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.hw.clock import Costs
from nova_async.kernel import Kernel
from nova_async.mm import Gpu, Vmm
from nova_async.mm.designs import DESIGNS

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
PAGES = 64
"""Of each bind; the buffers of a client lie side by side, so that eight of them fill a table."""
BINDS = 16
"""Of each client: as many as two tables hold."""
SHARED, OWN = "one address space", "one each"
SPACES = (SHARED, OWN)

THROUGHPUT, WAIT, FENCE_WAIT = "binds/ms", "p99 wait µs", "p99 fence wait µs"
UNITS = (THROUGHPUT, WAIT, FENCE_WAIT)
OURS, GLOBAL = "ours", "one global lock"
JUDGED = 64
SPEED_GOAL = 1.5

NOTES = (
    f"Each client binds and unbinds {PAGES} pages {BINDS} times, without a pause. x compares with ours.",
    "wait: for locks, from the beginning of a prepare to the end of its unbind; fence wait: in the run stage alone.",
    "Virtual time: 1 µs a read, 0.1 µs a posted write, 10 µs an invalidate (docs/facts/hardware.md 8: assumed).",
    "The CPU's own work takes none, and every run gives the same figures.",
    "What the checker says of each: nova-async run scenarios/designs.",
)


def run(settings: Settings, clients: Sequence[int] = CLIENTS) -> Report:
    """Measure every design with every number of clients."""
    samples = Samples()
    start = time.perf_counter()
    for count in clients:
        if time.perf_counter() - start > settings.max_seconds:
            break
        for spaces in SPACES:
            _measure_all(samples, settings, spaces, count)
    names = [(design, spaces) for design in DESIGNS for spaces in SPACES if design != OURS]
    against = {figure_name(*name): figure_name(OURS, name[1]) for name in names}
    return Report("designs", tuple(samples.figures(against, UNITS)), tuple(_goals(samples)), NOTES)


def _measure_all(samples: Samples, settings: Settings, spaces: str, clients: int) -> None:
    for design in DESIGNS:
        settings.step(f"{design}, {spaces}, {clients} clients")
        for unit, value in measure(design, clients, shared=spaces == SHARED).items():
            samples.add(figure_name(design, spaces), clients, unit, value)


def figure_name(design: str, spaces: str) -> str:
    """What a figure is called."""
    return f"{design}, {spaces}"


def measure(design: str, clients: int, *, shared: bool, costs: Costs | None = None) -> dict[str, float]:
    """One run, in virtual time.

    Args:
        design: of :data:`DESIGNS`.
        clients: how many.
        shared: whether they use one address space, or one each.
        costs: of accesses; None for the usual ones.

    Returns:
        Binds per ms, and the 99th percentiles of the waits in µs.
    """
    virtual = VirtualTime()
    users = _Users(virtual, clients)
    run_in(virtual, lambda: users.work(design, costs, shared=shared))
    return {
        THROUGHPUT: clients * BINDS / (users.elapsed_ns / 1e6),
        WAIT: users.whole.percentile(99) / 1e3,
        FENCE_WAIT: users.fence.percentile(99) / 1e3,
    }


class _Users:
    """The clients of one run."""

    def __init__(self, virtual: VirtualTime, clients: int) -> None:
        self.elapsed_ns = 0
        self.whole = Stopwatch(virtual)
        self.fence = Stopwatch(virtual)
        self._time = virtual
        self._clients = clients

    async def work(self, design: str, costs: Costs | None, *, shared: bool) -> None:
        board = Board(Chipset.named("GA102"), vram=256 * MIB, bar1=MIB, clock=self._time.clock, costs=costs)
        gpu = Gpu.probe(Kernel(self._time.lockdep), board)
        make = DESIGNS[design](gpu)
        pages = self._clients * PAGES * (BINDS + 1)
        async with AsyncExitStack() as undo:
            names = ["shared"] if shared else [f"client{number}" for number in range(self._clients)]
            vmms = [await undo.enter_async_context(address_space(gpu, name, pages, make)) for name in names]
            buffers = [await gpu.mm.alloc_vram(PAGES * PAGE_SIZE, owner=f"{n}") for n in range(self._clients)]
            clients = [(vmms[n % len(vmms)], n, frames_of(buffer)) for n, buffer in enumerate(buffers)]
            for client in clients:
                await self._bind(*client, turn=0)  # the upper tables are there before anything is measured
            self.whole.waits.clear()
            self.fence.waits.clear()
            start = self._time.clock.now
            async with anyio.create_task_group() as tasks:
                for client in clients:
                    tasks.start_soon(self._bind_all, *client)
            self.elapsed_ns -= start

    async def _bind_all(self, vmm: Vmm, number: int, frames: Sequence[Pfn]) -> None:
        for turn in range(1, BINDS + 1):
            await self._bind(vmm, number, frames, turn)
        self.elapsed_ns = max(self.elapsed_ns, self._time.clock.now)

    async def _bind(self, vmm: Vmm, number: int, frames: Sequence[Pfn], turn: int) -> None:
        first = (number * (BINDS + 1) + turn) * PAGES * PAGE_SIZE
        with self.whole.waiting():
            prepared = await vmm.prepare_map(PAGES, range(first, first + PAGES * PAGE_SIZE))
            with self.fence.waiting():
                mapped = await vmm.execute_map(prepared, frames, writable=True, owner=f"{number}")
            with self.fence.waiting():
                await vmm.unmap_pages(mapped)


def _goals(samples: Samples) -> Iterator[Goal]:
    """What one lock for everybody costs is what ours is for."""
    for spaces in SPACES:
        ratio = samples.ratio(figure_name(OURS, spaces), figure_name(GLOBAL, spaces), JUDGED, THROUGHPUT)
        if ratio is not None:
            what = f"{THROUGHPUT} of {JUDGED} clients with {spaces}: ours over {GLOBAL}"
            yield ratio.goal(what, SPEED_GOAL, at_least=True)
