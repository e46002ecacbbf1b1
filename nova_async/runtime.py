"""Who decides what runs next: an event loop, as here, or the explorer."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from random import Random
from typing import Protocol

from anyio import get_current_task
from anyio.lowlevel import checkpoint

from nova_async.errors import Deadlock
from nova_async.operation import Access, Operation, Sleepers


class Runtime(Protocol):
    """Who decides what runs next."""

    @property
    def naming(self) -> "Naming | None":
        """How states are told apart by what tasks see and share; None if nobody does."""
        ...

    def reach(self, operation: Operation) -> Awaitable[None]:
        """Return once the operation is enabled and it is this task's turn to do it."""
        ...

    def observe(self, value: Hashable, *, guarded: bool = False) -> None:
        """The calling task was told ``value``, by a lock's holder or by itself if ``guarded``."""
        ...

    def share(self, name: str, value: "Hashable | Callable[[], Hashable]", access: Access) -> None:
        """The calling task has made it so that the shared object ``name`` has this value now."""
        ...

    def touch(self, name: str, access: Access) -> None:
        """The calling task does this to the shared object ``name``."""
        ...

    def transparent(self, cache: str) -> bool:
        """Whether nobody was seen to depend on what a cache holds."""
        ...

    def depend_on(self, cache: str) -> None:
        """What it holds may decide on something here."""
        ...

    def took(self, lock: str) -> None:
        """The calling task has taken a lock."""
        ...

    def let_go(self, lock: str) -> None:
        """The calling task has released a lock."""
        ...

    def forgetting(self) -> AbstractContextManager[None]:
        """Nothing that the calling task is told inside lives on in it."""
        ...

    def alike(self, first_at: str) -> None:
        """The calling task differs from others that say so in its name only."""
        ...

    def caller(self) -> str:
        """The calling task."""
        ...

    def birth(self) -> tuple[str, int]:
        """The calling task, and which of its births this is, from 1 up."""
        ...

    def pick(self, n: int) -> int:
        """A number from 0, the simplest, to ``n - 1``."""
        ...


class Naming(StrEnum):
    """What an address is called where states are told apart (design section 5)."""

    BIRTH = "birth"
    """By who allocated it and which of his allocations it was: states that differ only in the addresses are one."""
    EXACT = "exact"
    """By its number."""


class Live:
    """asyncio or trio decides; a seeded coin adds checkpoints between operations.

    Args:
        seed: of the coin.
        preemption: the probability, 0 to 1, of a checkpoint at a point.
        current: names the calling task by any key.

    Attributes:
        asleep: what each sleeping task waits for, those who have slept longest first.
        steps: how many operations were reached.
        progress: the same, without those of attendants, who never end by themselves.
    """

    def __init__(
        self,
        seed: int = 0,
        preemption: float = 0.0,
        current: Callable[[], Hashable] = get_current_task,
    ) -> None:
        self.asleep: dict[Hashable, Operation] = {}
        self.steps = 0
        self.progress = 0
        self._coin = Random(seed).random  # noqa: S311  a schedule, not a secret
        self._preemption = preemption
        self._current = current
        self._stuck = False

    naming: "Naming | None" = None

    def observe(self, value: Hashable, *, guarded: bool = False) -> None:
        """Nobody tells states apart."""

    def share(self, name: str, value: "Hashable | Callable[[], Hashable]", access: Access) -> None:
        """Nobody tells states apart."""

    def touch(self, name: str, access: Access) -> None:
        """Nobody tells states apart."""

    def transparent(self, cache: str) -> bool:  # noqa: ARG002
        """Nobody tells states apart."""
        return False

    def depend_on(self, cache: str) -> None:
        """Nobody tells states apart."""

    def took(self, lock: str) -> None:
        """Nobody tells states apart."""

    def let_go(self, lock: str) -> None:
        """Nobody tells states apart."""

    def forgetting(self) -> AbstractContextManager[None]:
        """Nobody remembers."""
        return nullcontext()

    def alike(self, first_at: str) -> None:
        """Nobody looks at all orders."""

    def caller(self) -> str:
        """One like the other: nobody tells states apart."""
        return ""

    def birth(self) -> tuple[str, int]:
        """One like the other: nobody tells states apart."""
        return "", 0

    def pick(self, n: int) -> int:  # noqa: ARG002
        """The simplest: live, chance decides elsewhere."""
        return 0

    async def reach(self, operation: Operation) -> None:
        """Checkpoint if the coin says so, then sleep while the operation is not enabled.

        Raises:
            Deadlock: :meth:`end_deadlock` was called while this slept, or it would have to sleep after that.
        """
        self.steps += 1
        self.progress += not attending.get()
        if operation.may_sleep and self._preemption and self._coin() < self._preemption:
            await checkpoint()
        sleepers = operation.sleepers
        if sleepers is not None and sleepers.must_sleep(operation.enabled):
            await self._sleep(operation, sleepers)

    def end_deadlock(self) -> None:
        """Let every sleeping task, shielded or not, go on with a Deadlock."""
        self._stuck = True
        for operation in self.asleep.values():
            if operation.sleepers is not None:
                operation.sleepers.wake_all()

    async def _sleep(self, operation: Operation, sleepers: Sleepers) -> None:
        if self._stuck:
            raise _given_up(operation)
        task = self._current()
        self.asleep[task] = operation
        try:
            await sleepers.sleep_until(lambda: self._stuck or operation.enabled())
        finally:
            del self.asleep[task]
        if self._stuck:
            raise _given_up(operation)


def _given_up(operation: Operation) -> Deadlock:
    return Deadlock(f"waiting to {operation!r}: nobody can make that possible any more")


attending: ContextVar[bool] = ContextVar("nova_async.attending", default=False)
"""Set in tasks that run for as long as others do, and so are no sign of progress."""
