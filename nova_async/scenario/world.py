"""The world of one run: a kernel with its validator, the devices booted in it, and the closing of the accounts."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from types import TracebackType
from typing import Self

from nova_async.checks import Sanitizer, audit, close_accounts, deadlock
from nova_async.clients import Crew, crew
from nova_async.errors import UsageError
from nova_async.findings import Finding
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import FaultPlan, Kernel
from nova_async.lockdep import ClassStat, Tasks, Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.mm import Gpu
from nova_async.point import Live, running_under
from nova_async.scenario.sizes import parse_size

PREEMPTION = 0.1
"""How often a live run checkpoints at a point: often enough that clients meet in every critical section."""


class World:
    """Where a scenario plays, for the length of an ``async with``.

    Args:
        scenario: its name.
        seed: of everything chosen by chance.
        backend: ``asyncio`` or ``trio``.
        sanitize: let a sanitizer watch every device.
        lockdep: makes the validator of the tasks that run.

    Attributes:
        kernel: the one kernel of all devices.
        runtime: decides what happens at a point.
        stats: what the run counted, for reports.
    """

    def __init__(
        self,
        *,
        scenario: str,
        seed: int,
        backend: str,
        sanitize: bool = True,
        lockdep: Callable[[Tasks], Validator] = Validator,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.backend = backend
        self._tasks = tasks_of(backend)
        self.kernel = Kernel(lockdep(self._tasks), FaultPlan(seed=seed))
        self.runtime = Live(seed, PREEMPTION, self._tasks.current)
        self.stats: dict[str, int | float] = {}
        self._sanitize = sanitize
        self._gpus: list[Gpu] = []
        self._judged: list[Finding] = []
        self._running = ExitStack()

    async def __aenter__(self) -> Self:
        self._running.enter_context(running_under(self.runtime))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._running:
            self.kernel.faults.stop()
            if error is None:
                await self._close()
            self.kernel.lockdep.task_ended()

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, in the order in which it was found."""
        return [*self.kernel.lockdep.findings, *self._judged]

    def end_deadlock(self) -> None:
        """Report that nobody can go on, and end the run by raising a Deadlock in every sleeping task."""
        self._judged.append(deadlock(self.runtime.asleep, self.kernel.lockdep, self._tasks.name))
        self.runtime.end_deadlock()

    @property
    def lock_stat(self) -> Mapping[str, ClassStat] | None:
        """Who waited for what and held it for how long, by lock class; None if the validator has no clock."""
        stat = self.kernel.lockdep.stat
        return None if stat is None else dict(stat.classes)

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
            Sanitizer(gpu, self._tasks).attach()
        self._gpus.append(gpu)
        return gpu

    def clients(self) -> AbstractAsyncContextManager[Crew]:
        """``async with world.clients() as clients``: the block ends when all clients have."""
        return crew(self.kernel)

    def inject(self, **rates: float) -> None:
        """Let operations fail from now on, by probability: ``world.inject(alloc=0.01, tlb=0.001)``.

        Raises:
            UsageError: an unknown kind of fault, or no probability.
        """
        if not rates:
            raise UsageError("inject: no fault was named")
        self.kernel.faults.start(rates)

    async def _close(self) -> None:
        for gpu in self._gpus:
            if self._sanitize:
                self._judged += await audit(gpu)
            self._judged += await close_accounts(gpu)
        self.stats["steps"] = self.runtime.steps
        self.stats["allocations"] = self.kernel.memory.allocations
        self.stats["mmio"] = sum(gpu.board.bar0.traffic.transactions for gpu in self._gpus)
