"""anyio's Event, instrumented."""

from typing import Self

import anyio
from anyio import EventStatistics

from nova_async.lockdep.aio.tracked import TrackedEvent


class Event(anyio.Event):
    """An :class:`anyio.Event` that tells whoever watches.

    Args:
        name: of its class; the place that makes it if empty.
    """

    __slots__ = ("_inner", "_tracked")

    def __new__(cls, *args: object, **keywords: object) -> Self:  # noqa: ARG004  anyio's would make its own class
        """An event, on whichever loop will run."""
        return object.__new__(cls)

    def __init__(self, *, name: str = "") -> None:
        self._inner = anyio.Event()
        self._tracked = TrackedEvent(name, "event", once=True)

    def set(self) -> None:
        """Set the flag and wake all who wait."""
        self._tracked.signal()
        self._inner.set()

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._inner.is_set()

    async def wait(self) -> None:
        """Return once the flag is set."""
        await self._tracked.wait(self._inner.wait)

    def statistics(self) -> EventStatistics:
        """As anyio's."""
        return self._inner.statistics()
