"""anyio's Lock and Condition, instrumented."""

from typing import Self

import anyio
from anyio import LockStatistics

from nova_async.lockdep.aio.tracked import Tracked, TrackedEvent


class Lock(anyio.Lock):
    """An :class:`anyio.Lock` that tells whoever watches.

    Args:
        name: of its class; the place that makes it if empty.
        fast_acquire: as anyio's.
    """

    __slots__ = ("_inner", "_tracked")

    def __new__(cls, *args: object, **keywords: object) -> Self:  # noqa: ARG004  anyio's would make its own class
        """A lock, on whichever loop will run."""
        return object.__new__(cls)

    def __init__(self, *, name: str = "", fast_acquire: bool = False) -> None:
        self._inner = anyio.Lock(fast_acquire=fast_acquire)
        self._tracked = Tracked(name, "lock")

    async def acquire(self) -> None:
        """Acquire the lock."""
        await self._tracked.take(self._inner.acquire, busy=self._inner.locked())

    def acquire_nowait(self) -> None:
        """Acquire the lock without blocking.

        Raises:
            anyio.WouldBlock: somebody has it.
        """
        self._inner.acquire_nowait()
        self._tracked.taken()

    def release(self) -> None:
        """Release the lock.

        Raises:
            RuntimeError: the calling task does not hold it.
        """
        try:
            self._inner.release()
        except RuntimeError:
            self._tracked.refused()
            raise
        self._tracked.released()

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._inner.locked()

    def statistics(self) -> LockStatistics:
        """As anyio's."""
        return self._inner.statistics()


class Condition(anyio.Condition):
    """An :class:`anyio.Condition` that tells whoever watches.

    Args:
        lock: the lock to use; a plain anyio one is not checked. A new one if None.
        name: of the classes of its lock and its event; the place that makes it if empty.
    """

    __slots__ = ("_notified",)

    def __init__(self, lock: anyio.Lock | None = None, *, name: str = "") -> None:
        super().__init__(lock if lock is not None else Lock(name=name))
        self._notified = TrackedEvent(name, "condition")

    def notify(self, n: int = 1) -> None:
        """Notify ``n`` listeners."""
        super().notify(n)
        self._notified.signal()

    def notify_all(self) -> None:
        """Notify all listeners."""
        super().notify_all()
        self._notified.signal()

    async def wait(self) -> None:
        """Wait for a notification, without the lock."""
        await self._notified.wait(super().wait)
