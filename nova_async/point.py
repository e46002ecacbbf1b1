"""The one place where code says "another task may run here".

Code of the model awaits :func:`point` with the operation it is about to do. What happens then is the runtime's:
:class:`Live` lets the task go on at once or checkpoints by a seeded coin, and puts it to sleep while the operation
is not enabled; the controlled loop of ``explore/`` parks it until its strategy chooses it. When ``point`` returns, the
operation is enabled and the caller does its effect before it awaits anything else.

Accesses under the lock that guards them are no points: by Lipton's reduction the critical section is one atomic
step (design section 5).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import IntEnum, StrEnum
from random import Random
from typing import Protocol

import anyio
from anyio import get_current_task
from anyio.lowlevel import checkpoint

from nova_async.errors import Deadlock


class Kind(StrEnum):
    """What an operation does to its resource."""

    ACQUIRE = "acquire"
    WAIT = "wait"
    SIGNAL = "signal"
    PRIVATE = "private"  # it is taken for what nobody else can change meanwhile
    ALLOC = "alloc"
    READ = "read"
    WRITE = "write"


class Access(IntEnum):
    """What somebody does to a shared object; more than one thing is the bitwise or of them.

    Two accesses of different tasks commute if together they are no WRITE.
    """

    READ = 1
    """Looks at it."""
    ADD = 2
    """Puts something of his own into it, or takes it out, so that the order among those who do that does not matter."""
    WRITE = 3
    """Anything else."""


class Sleeper:
    """One task asleep."""

    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event = anyio.Event()


class Sleepers:
    """The tasks asleep on one resource, oldest first.

    Args:
        in_turn: only one can have what it waits for, so a newcomer queues behind those who were woken and have not run
            yet; they wake the next in their turn. Otherwise what is there is there for all, and a newcomer goes on.
    """

    __slots__ = ("_in_turn", "_queue")

    def __init__(self, *, in_turn: bool) -> None:
        self._in_turn = in_turn
        # An OrderedDict finds and drops its oldest key in constant time; a dict scans over its dead entries.
        self._queue: OrderedDict[Sleeper, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._queue)

    def wake_one(self) -> None:
        """Wake the oldest; it keeps its place until it runs, so that nobody overtakes it."""
        for sleeper in self._queue:
            sleeper.event.set()
            return

    def wake_all(self) -> None:
        """Wake everybody."""
        for sleeper in self._queue:
            sleeper.event.set()

    def must_sleep(self, enabled: Callable[[], bool]) -> bool:
        """Whether a newcomer has to wait for ``enabled``, or for its turn."""
        return not enabled() or (self._in_turn and bool(self._queue))

    async def sleep_until(self, enabled: Callable[[], bool]) -> None:
        """Return when ``enabled`` holds; in turn, when everybody who came earlier has also gone."""
        if not self.must_sleep(enabled):
            return
        sleeper = Sleeper()
        self._queue[sleeper] = None
        try:
            await self._sleep(sleeper, enabled)
        except BaseException:
            del self._queue[sleeper]
            if enabled():
                self.wake_one()  # the turn that may have been ours goes to the next
            raise
        del self._queue[sleeper]

    async def _sleep(self, sleeper: Sleeper, enabled: Callable[[], bool]) -> None:
        while True:
            await sleeper.event.wait()
            if enabled():
                return
            sleeper.event = anyio.Event()


def _always() -> bool:
    return True


class Operation:
    """What a task is about to do.

    Made once for each resource and reused for every access, so that a point costs no allocation.

    Args:
        kind: what it does.
        resource: the name of what it is done to, the same in every schedule.
        enabled: whether it can be done now; looked at whenever a choice is made.
        sleepers: who waits for it live; whoever makes ``enabled`` true wakes one or all of them.
        may_sleep: whether the caller may be suspended here at all; not under a spinlock.
    """

    __slots__ = ("enabled", "kind", "may_sleep", "resource", "sleepers")

    def __init__(
        self,
        kind: Kind,
        resource: str,
        enabled: Callable[[], bool] = _always,
        sleepers: Sleepers | None = None,
        *,
        may_sleep: bool = True,
    ) -> None:
        self.may_sleep = may_sleep
        self.kind = kind
        self.resource = resource
        self.enabled = enabled
        self.sleepers = sleepers

    def __repr__(self) -> str:
        return f"{self.kind} {self.resource}"


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

    def took(self, lock: str) -> None:
        """The calling task has taken a lock."""
        ...

    def let_go(self, lock: str) -> None:
        """The calling task has released a lock."""
        ...

    def forgetting(self) -> AbstractContextManager[None]:
        """Nothing that the calling task is told inside lives on in it."""
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

    def took(self, lock: str) -> None:
        """Nobody tells states apart."""

    def let_go(self, lock: str) -> None:
        """Nobody tells states apart."""

    def forgetting(self) -> AbstractContextManager[None]:
        """Nobody remembers."""
        return nullcontext()

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

_runtime: ContextVar[Runtime] = ContextVar("nova_async.runtime", default=Live())  # noqa: B039  it has no state to share


def point(operation: Operation) -> Awaitable[None]:
    """Another task may run here, before ``operation`` is done."""
    return _runtime.get().reach(operation)


def naming() -> Naming | None:
    """How states are told apart here; None if nobody does, and nothing need be observed or shared."""
    return _runtime.get().naming


def observe(value: Hashable) -> None:
    """Tell the explorer what an operation has told the calling task; does nothing elsewhere.

    A read of shared state that is not observed makes two states look the same that are not.
    """
    _runtime.get().observe(value)


def observe_guarded(value: Hashable) -> None:
    """As :func:`observe`, for what was read under the lock that guards it, or whose owner was touched."""
    _runtime.get().observe(value, guarded=True)


def share(name: str, value: "Hashable | Callable[[], Hashable]", access: Access = Access.WRITE) -> None:
    """Tell the explorer that the shared object ``name`` has this value now; does nothing elsewhere.

    Args:
        name: the same in every schedule.
        value: or what gives it; asked only if somebody wants to know the state.
        access: what the calling task has done to it for that.
    """
    _runtime.get().share(name, value, access)


def touch(name: str, access: Access = Access.READ) -> None:
    """Tell the explorer what the calling task does to the shared object ``name``.

    Whoever shares it has changed it. So only what is read outside the lock that guards it has to be told.
    """
    _runtime.get().touch(name, access)


def took(lock: str) -> None:
    """Tell the explorer that the calling task has taken a lock."""
    _runtime.get().took(lock)


def let_go(lock: str) -> None:
    """Tell the explorer that the calling task has released a lock."""
    _runtime.get().let_go(lock)


def forgetting() -> AbstractContextManager[None]:
    """Nothing that the calling task is told inside lives on in it, so it tells no states apart afterwards.

    What the block changes is shared, and what it gives back is observed after it. An exception is remembered.
    """
    return _runtime.get().forgetting()


def birth() -> tuple[str, int]:
    """A name for something the calling task has just made: the task, and which of its births this is.

    No order of the other tasks changes it, as it does an address. All the same where nobody tells states apart.
    """
    return _runtime.get().birth()


def pick(n: int) -> int:
    """A data choice of the strategy, from 0, the simplest, to ``n - 1``; 0 where nobody explores.

    Raises:
        UsageError: ``n`` is less than 1.
    """
    return _runtime.get().pick(n)


def explored() -> bool:
    """Whether a strategy chooses what runs, and not an event loop."""
    return not isinstance(_runtime.get(), Live)


@contextmanager
def running_under(runtime: Runtime) -> Iterator[None]:
    """Let ``runtime`` decide for this task and all that it spawns."""
    token = _runtime.set(runtime)
    try:
        yield
    finally:
        _runtime.reset(token)
