"""What a task is about to do where another one may run, and who is asleep until that can be done."""

from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum, StrEnum

import anyio


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
