"""Live clients on one device: the load that the checker, latency and fairness are measured under."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import anyio

from nova_async.clients import DrmSubmitter, VgpuCreator, Vm
from nova_async.clients.crew import Client
from nova_async.errors import InternalError
from nova_async.lockdep import ClassStat, Tasks, Validator
from nova_async.scenario import World

VRAM_EACH, BAR1_EACH = 1 / 4, 1 / 64
"""MiB for each client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who works, and who watches. Every client does one thing: a vGPU from creation to destruction, a bind and unbind.

    Attributes:
        clients: as many vGPU creators as DRM submitters.
        backend: ``asyncio`` or ``trio``.
        lockdep: makes the validator.
        sanitize: let the sanitizer watch the device.
        closing: the time includes the closing of the accounts and, with a sanitizer, the last look at all page tables.
    """

    clients: int
    backend: str = "asyncio"
    lockdep: Callable[[Tasks], Validator] = Validator
    sanitize: bool = False
    closing: bool = False


@dataclass(slots=True)
class Ran:
    """What came out.

    Attributes:
        cpu_seconds: of the process, from the first client to the last; up to the last account with ``closing``.
        latencies: of every operation, in seconds of real time.
        lock_stat: who waited for what, if the validator has a clock.
    """

    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lock_stat: Mapping[str, ClassStat] | None = None


@dataclass(slots=True)
class _Timed:
    client: Client
    latencies: list[float]

    @property
    def name(self) -> str:
        return self.client.name

    async def run(self) -> None:
        start = time.perf_counter()
        await self.client.run()
        self.latencies.append(time.perf_counter() - start)


def run_load(load: Load) -> Ran:
    """Run the clients once, all at the same time.

    Raises:
        InternalError: something was found; then it was not the same work.
    """
    return anyio.run(_run, load, backend=load.backend)


async def _run(load: Load) -> Ran:
    world = World(scenario="bench", seed=1, backend=load.backend, sanitize=load.sanitize, lockdep=load.lockdep)
    ran = Ran()
    gc.collect()  # nobody pays for what another left behind
    async with world:
        start = await _serve(world, load, ran)
    if load.closing:
        ran.cpu_seconds = time.process_time() - start
    if world.findings:
        raise InternalError(f"bench: {world.findings[0].message}")
    ran.lock_stat = world.lock_stat
    return ran


async def _serve(world: World, load: Load, ran: Ran) -> float:
    """Returns when they began, in seconds of processor time."""
    vram, bar1 = (_mib(load.clients * each, least) for each, least in ((VRAM_EACH, 256), (BAR1_EACH, 16)))
    gpu = await world.boot("GA102", vram=vram, bar1=bar1)
    start = time.process_time()
    async with Vm(gpu, "vm", pages=max(64, load.clients * 4)) as vm, world.clients() as crew:
        for number in range(load.clients // 2):
            for client in (VgpuCreator(gpu, number), DrmSubmitter(vm, number)):
                crew.start(_Timed(client, ran.latencies))
    ran.cpu_seconds = time.process_time() - start
    return start


def _mib(wanted: float, least: int) -> str:
    """A power of two, as a BAR has to be."""
    return f"{1 << math.ceil(math.log2(max(least, wanted)))}MiB"
