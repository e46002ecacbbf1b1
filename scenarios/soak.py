"""Everybody at once, for a long time, while things go wrong."""

import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from nova_async.clients import (
    Bar1User,
    Client,
    DrmSubmitter,
    IdleBuffers,
    Killer,
    PageMapper,
    Reclaimer,
    Seat,
    Tally,
    VgpuCreator,
    Vm,
)
from nova_async.clients.address_space import address_space
from nova_async.errors import UsageError
from nova_async.mm import Gpu, Vmm
from nova_async.scenario import CLEAN, World, scenario
from nova_async.scenario.footprint import Footprint

PER_SPACE = 32
"""How many clients share one address space."""
PAGES_EACH = 16
"""Pages of addresses there for each of them: several times what they use at once."""
ROUNDS = 4
"""How often a client that keeps its buffer uses it before the next one comes."""
TURNS_EACH = 20
"""Operations for each client after which memory should not grow any more."""
GROWTH = 0.1
"""The part by which memory may grow from then on, or from a tenth of the run on, and be called flat."""


@dataclass
class Shift:
    """How long the run goes on, and what was done.

    Attributes:
        world: hears how far it is.
        operations: after so many it is over; 0 for no such end.
        seconds: after so many of real time it is over; 0 for no such end.
        unbinds: how many devices go away, at equal distances.
        settled: after so many operations everybody has had many turns, and memory should not grow any more.
    """

    world: World
    operations: int
    seconds: float
    unbinds: int
    settled: int
    gpu: Gpu | None = None
    unbound: int = 0
    done: float = 0.0
    start: float = field(default_factory=time.monotonic)
    footprint: Footprint = field(default_factory=Footprint)
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        if self.operations <= 0 and self.seconds <= 0:
            raise UsageError("soak: it would never end; give operations, seconds or both")
        self.tally = Tally(after_each=self._after_each)

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self.start

    @property
    def rate(self) -> float:
        """Operations per second so far."""
        return self.tally.operations / max(self.elapsed, 1e-9)

    def _after_each(self) -> None:
        """One more operation was done: in the middle of it a device may go away."""
        by_number = self.tally.operations / self.operations if self.operations > 0 else 0.0
        by_time = self.elapsed / self.seconds if self.seconds > 0 else 0.0
        self.done = max(by_number, by_time)
        if self.tally.operations >= self.settled:
            self.footprint.look(self.done)
        if self.gpu is not None and self.unbound < self.unbinds and self._unbind_is_due():
            self.unbound += 1
            self.gpu.unbind()
        if not self.tally.operations % 64:
            self.world.say(self._line)

    def _unbind_is_due(self) -> bool:
        return self.done > (self.unbound + 1) / (self.unbinds + 1)

    def _line(self) -> str:
        injected = self.world.kernel.faults.injected.total()
        return f"{self.done:.0%}, {self.tally.operations} operations, {self.rate:.0f} per second, {injected} faults"


@dataclass
class Station:
    """One device, and everybody who uses it.

    Attributes:
        shift: how long they go on.
        gpu: the device.
        idle: where DRM submitters leave their buffers.
        vms: their address spaces.
        vmms: those of the page mappers.
    """

    shift: Shift
    gpu: Gpu
    idle: IdleBuffers
    vms: list[Vm] = field(default_factory=list)
    vmms: list[Vmm] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls, shift: Shift, gpu: Gpu, clients: int) -> AsyncIterator["Station"]:
        """Address spaces for so many clients, for the length of the block."""
        station = cls(shift, gpu, IdleBuffers(gpu.kernel, gpu.mm))
        async with AsyncExitStack() as undo:
            for group in range(-(-clients // PER_SPACE)):
                pages = PER_SPACE * PAGES_EACH
                station.vms.append(await undo.enter_async_context(Vm(gpu, f"vm{group}", pages)))
                station.vmms.append(await undo.enter_async_context(address_space(gpu, f"shared{group}", pages)))
            gpu.kernel.reclaim.register(station.idle)
            try:
                yield station
            finally:
                gpu.kernel.reclaim.unregister(station.idle)
                await station.idle.scan(station.idle.count())

    async def work(self, clients: int, kills: float) -> int:
        """Let so many clients, of each kind in turn, work until all is over or the device is gone; how many kills."""
        kinds: tuple[Callable[[int], Client | None], ...] = (self._vgpu, self._drm, self._bar1, self._mapper)
        seats = [self._seat(number, kinds[number % len(kinds)]) for number in range(clients)]
        killer = Killer([seat.kill for seat in seats], kills, self.shift.world.seed + self.shift.unbound)
        async with self.shift.world.clients() as crew:
            crew.attend(Reclaimer(self.gpu.kernel))
            crew.attend(killer)
            for seat in seats:
                crew.start(seat)
        return killer.kills

    def _seat(self, number: int, kind: Callable[[int], Client | None]) -> Seat:
        def next_client() -> Client | None:
            return kind(number) if self.shift.done < 1 and self.gpu.mm.binding.bound else None

        return Seat(f"seat#{number}", next_client, self.shift.tally)

    def _vgpu(self, number: int) -> Client:
        return VgpuCreator(self.gpu, number, pages=2, tally=self.shift.tally)

    def _drm(self, number: int) -> Client | None:
        vm = self.vms[number % len(self.vms)]
        if vm.ban.why is not None:  # nobody binds there any more
            return None
        return DrmSubmitter(vm, number, binds=ROUNDS, idle=self.idle, tally=self.shift.tally)

    def _bar1(self, number: int) -> Client:
        return Bar1User(self.gpu, number, rounds=ROUNDS, tally=self.shift.tally)

    def _mapper(self, number: int) -> Client:
        vmm = self.vmms[number % len(self.vmms)]
        return PageMapper(self.gpu, vmm, number, rounds=ROUNDS, tally=self.shift.tally)


async def on_one_device(shift: Shift, gpu: Gpu, clients: int, kills: float, faults: Mapping[str, float]) -> int:
    """Let everybody work until all is over or the device is gone; how many were killed."""
    shift.gpu = gpu
    async with Station.open(shift, gpu, clients) as station:
        shift.world.inject(**faults)
        killed = await station.work(clients, kills)
    shift.gpu = None
    shift.world.kernel.faults.stop()  # the accounts are closed, and the next device is probed, undisturbed
    return killed


@scenario(expect=CLEAN)
async def soak(
    world: World,
    clients: int = 32,
    operations: int = 400,
    seconds: float = 0.0,
    unbinds: int = 1,
    kills: float = 0.02,
    alloc: float = 0.001,
    mmio: float = 0.0005,
    tlb: float = 0.0005,
    reclaim: float = 0.01,
    chip: str = "GA102",
    vram: str = "1GiB",
) -> None:
    """Does anything get lost when thousands of clients of all kinds share a GPU for hours, with faults and kills?

    A quarter of the clients each create vGPUs, bind and unbind as DRM submitters, use BAR1, and map pages into a shared
    address space; kswapd runs all the while. Allocations, accesses and flushes fail by a seeded plan, clients are
    killed wherever they are, and ``unbinds`` times the device goes away in the middle and another one comes. Whatever
    fails has to end with a clean error; at the end every account must close, and memory must be flat.

    The real one: ``-p clients=2000 -p operations=1000000``, or ``-p operations=0 -p seconds=3600``.
    """
    shift = Shift(world, operations, seconds, unbinds, TURNS_EACH * clients)
    faults = {"alloc": alloc, "mmio": mmio, "tlb": tlb, "reclaim": reclaim}
    killed = 0
    while shift.done < 1:
        gpu = await world.boot(chip, vram=vram, bar1="256MiB")
        killed += await on_one_device(shift, gpu, clients, kills, faults)
        await world.retire(gpu)
        del gpu
        # A device and its driver refer to each other, so only the collector frees them; with some 200,000 objects they
        # should not wait until it comes by (see rare_collections).
        gc.collect()
    world.stats.update(shift.tally.stats())
    world.stats.update({f"faults.{kind}": count for kind, count in world.kernel.faults.injected.items()})
    world.stats |= {"kills": killed, "unbinds": shift.unbound, "operations_per_s": round(shift.rate)}
    if shift.footprint.before:  # a short run says nothing about memory
        world.stats["memory_grown_bytes"] = shift.footprint.close(GROWTH)
