"""The world of one run: a kernel with its validator, the devices booted in it, and the closing of the accounts."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from nova_async.checks import Sanitizer, audit, close_accounts, deadlock
from nova_async.checks.telling import TLB
from nova_async.clients import Crew, Mortals, crew
from nova_async.errors import UsageError
from nova_async.events import Recorder, Trace, tracing_to
from nova_async.explore.fingerprint import Fingerprint
from nova_async.findings import Finding
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import FaultPlan, Kernel
from nova_async.lockdep import ClassStat, LockGraph, Tasks, Validator, lock_graph
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu
from nova_async.point import depend_on, explored, naming, running_under
from nova_async.runtime import Live
from nova_async.scenario.device_recording import DeviceRecording
from nova_async.scenario.recording import LockRecording, Recording, step_counter
from nova_async.scenario.sizes import parse_size

PREEMPTION = 0.1
"""How often a live run checkpoints at a point: often enough that clients meet in every critical section."""

SAY_EVERY_S = 1.0


class World:
    """Where a scenario plays, for the length of an ``async with``.

    Args:
        scenario: its name.
        seed: of everything chosen by chance.
        backend: ``asyncio`` or ``trio``.
        sanitize: let a sanitizer watch every device.
        lockdep: makes the validator of the tasks that run.
        kill: patterns of the names of clients that may be killed at any point, by a strategy's choice.
        kills: how many of them at most; None for all.
        talk: is told now and then how far the scenario is.
        record: keeps what happens; None costs nothing.

    Attributes:
        kernel: the one kernel of all devices.
        runtime: decides what happens at a point.
        stats: what the run counted, for reports.
        mortals: the clients that may be killed.
    """

    def __init__(
        self,
        *,
        scenario: str,
        seed: int,
        backend: str,
        sanitize: bool = True,
        lockdep: Callable[[Tasks], Validator] = Validator,
        kill: Sequence[str] = (),
        kills: int | None = None,
        talk: Callable[[str], None] = lambda line: None,  # noqa: ARG005  nobody listens
        record: Recorder | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.backend = backend
        self._tasks = tasks_of(backend)
        self.kernel = Kernel(lockdep(self._tasks), FaultPlan(seed=seed))
        self.kernel.faults.kills = bool(kill)
        self.runtime = Live(seed, PREEMPTION, self._tasks.current)
        self.stats: dict[str, int | float] = {}
        self._sanitize = sanitize
        self.mortals = Mortals(kill, kills)
        self._gpus: list[Gpu] = []
        self._judged: list[Finding] = []
        self._mmio = 0
        self._booted = 0
        self._said = -math.inf
        self._talk = talk
        self._recorder = record
        self._recording: Recording | None = None
        self._running = ExitStack()

    async def __aenter__(self) -> Self:
        if not explored():  # otherwise a strategy decides what happens at a point
            self._running.enter_context(running_under(self.runtime))
        if self._recorder is not None:
            self._record(self._recorder)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._running:
            self.kernel.faults.stop()
            if error is None:
                await self._close()
            if self._recording is not None:
                for finding in self._judged:
                    self._recording.found(finding)
            self.kernel.lockdep.task_ended()

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, in the order in which it was found."""
        return [*self.kernel.lockdep.findings, *self._judged]

    def end_deadlock(self) -> None:
        """Report that nobody can go on, and end the run by raising a Deadlock in every sleeping task."""
        self._judged.append(deadlock(self.runtime.asleep, self.kernel.lockdep, self._tasks.name))
        self.kernel.lockdep.excuse_fences()
        self.runtime.end_deadlock()

    @property
    def lock_stat(self) -> Mapping[str, ClassStat] | None:
        """Who waited for what and held it for how long, by lock class; None if the validator has no clock."""
        stat = self.kernel.lockdep.stat
        return None if stat is None else dict(stat.classes)

    @property
    def lock_graph(self) -> LockGraph:
        """Which lock was taken under which, so far."""
        return lock_graph(self.kernel.lockdep)

    @property
    def events(self) -> Trace | None:
        """What happened so far; None if nobody records."""
        return None if self._recorder is None else self._recorder.trace()

    async def boot(self, chip: str = "GA102", *, vram: str = "64MiB", bar1: str = "16MiB") -> Gpu:
        """A board with its driver probed.

        Args:
            chip: a name of ``nova_async.hw.chipset.CHIPSETS``.
            vram: the size of its video memory, like ``64MiB``.
            bar1: the size of its BAR1.

        Raises:
            UsageError: no such chip, or no such size.
        """
        board = Board(Chipset.named(chip), vram=parse_size(vram), bar1=parse_size(bar1))
        gpu = Gpu.probe(self.kernel, board)
        if self._sanitize:
            sanitizer = Sanitizer(gpu, self._tasks).attach()
            gpu.mm.binding.on_unbind.append(partial(_look_away, gpu, sanitizer))
        else:
            depend_on(TLB)  # nobody looks whether it is transparent
        if naming() is not None:
            Fingerprint(gpu, f"gpu{len(self._gpus)}").attach()
        if self._recording is not None:
            DeviceRecording(self._recording, gpu, f"gpu{self._booted} " if self._booted else "").attach()
        self._booted += 1
        self._gpus.append(gpu)
        return gpu

    def clients(self) -> AbstractAsyncContextManager[Crew]:
        """``async with world.clients() as clients``: the block ends when all clients have."""
        return crew(self.kernel, self.mortals)

    def inject(self, **rates: float) -> None:
        """Let operations fail from now on, by probability: ``world.inject(alloc=0.01, tlb=0.001)``.

        Raises:
            UsageError: an unknown kind of fault, or no probability.
        """
        if not rates:
            raise UsageError("inject: no fault was named")
        self.kernel.faults.start(rates)

    async def retire(self, gpu: Gpu) -> None:
        """Close the accounts of a device that nobody uses any more, now, and forget it."""
        self._gpus.remove(gpu)
        if self._sanitize and gpu.mm.binding.bound:  # nobody reads the tables of a device that is gone
            self._judged += await audit(gpu)
        self._judged += await close_accounts(gpu)
        self._mmio += gpu.board.bar0.traffic.transactions

    def say(self, line: Callable[[], str]) -> None:
        """Tell whoever watches how far the scenario is; asked for a line once a second at most."""
        now = time.monotonic()
        if now - self._said >= SAY_EVERY_S:
            self._said = now
            self._talk(line())

    def _record(self, recorder: Recorder) -> None:
        self._recording = Recording(recorder, self._tasks, step_counter(lambda: self.runtime.steps))
        self.kernel.lockdep.listener = LockRecording(self._recording, self.kernel.lockdep)
        self._running.enter_context(tracing_to(self._recording))

    async def _close(self) -> None:
        while self._gpus:
            await self.retire(self._gpus[0])
        self.kernel.lockdep.settle_fences()
        self.stats["steps"] = self.runtime.steps
        self.stats["allocations"] = self.kernel.memory.allocations
        self.stats["mmio"] = self._mmio


def _look_away(gpu: Gpu, sanitizer: Sanitizer) -> None:
    """Once a device is gone, what its memory says means nothing; what the driver has taken still counts."""
    gpu.mm.observers.remove(sanitizer)
    gpu.board.listeners.remove(sanitizer)
