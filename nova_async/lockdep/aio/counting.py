"""anyio's Semaphore and CapacityLimiter, instrumented."""

from types import TracebackType
from typing import Self

import anyio
from anyio import CapacityLimiterStatistics, SemaphoreStatistics

from nova_async.lockdep.aio.tracked import Tracked, TrackedEvent


class Semaphore(anyio.Semaphore):
    """An :class:`anyio.Semaphore` that tells whoever watches.

    One that starts at 1 is taken for a lock, until a task releases it that did not acquire it. One that starts at 0 is
    an event. One that starts higher gives no order: others may have what is left.

    Args:
        initial_value, max_value, fast_acquire: as anyio's.
        name: of its class; the place that makes it if empty.
    """

    __slots__ = ("_counts", "_inner", "_lock", "_released")

    def __new__(cls, *args: object, **keywords: object) -> Self:  # noqa: ARG004  anyio's would make its own class
        """A semaphore, on whichever loop will run."""
        return object.__new__(cls)

    def __init__(
        self, initial_value: int, *, max_value: int | None = None, fast_acquire: bool = False, name: str = ""
    ) -> None:
        super().__init__(initial_value, max_value=max_value, fast_acquire=fast_acquire)
        self._inner = anyio.Semaphore(initial_value, max_value=max_value, fast_acquire=fast_acquire)
        self._lock = Tracked(name, "semaphore", owned=False) if initial_value == 1 else None
        self._released = TrackedEvent(name, "semaphore")
        self._counts = initial_value > 1

    async def acquire(self) -> None:
        """Decrement the value, waiting while it is 0."""
        if self._lock is not None:
            await self._lock.take(self._inner.acquire, busy=self._inner.value == 0)
        elif self._counts:
            await self._inner.acquire()
            self._released.heard()
        else:
            await self._released.wait(self._inner.acquire)

    def acquire_nowait(self) -> None:
        """Decrement the value without waiting.

        Raises:
            anyio.WouldBlock: it is 0.
        """
        self._inner.acquire_nowait()
        if self._lock is not None:
            self._lock.taken()
        else:
            self._released.heard()

    def release(self) -> None:
        """Increment the value.

        Raises:
            ValueError: it is at its maximum.
        """
        self._inner.release()
        if self._lock is not None:
            self._lock.released()
        else:
            self._released.signal()

    @property
    def value(self) -> int:
        """How many may acquire it now."""
        return self._inner.value

    @property
    def max_value(self) -> int | None:
        """The most it can be."""
        return self._inner.max_value

    def statistics(self) -> SemaphoreStatistics:
        """As anyio's."""
        return self._inner.statistics()


class CapacityLimiter(anyio.CapacityLimiter):
    """An :class:`anyio.CapacityLimiter` that tells whoever watches.

    With one token it is a lock. With more it gives no order, but a task that ends with a token is found. Tokens taken
    on behalf of something else are not followed.

    Args:
        total_tokens: as anyio's.
        name: of its class; the place that makes it if empty.
    """

    __slots__ = ("_inner", "_tracked")

    def __new__(cls, *args: object, **keywords: object) -> Self:  # noqa: ARG004  anyio's would make its own class
        """A limiter, on whichever loop will run."""
        return object.__new__(cls)

    def __init__(self, total_tokens: float, *, name: str = "") -> None:
        self._inner = anyio.CapacityLimiter(total_tokens)
        self._tracked = Tracked(name, "limiter", ordered=total_tokens == 1)

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def acquire(self) -> None:
        """Acquire a token for the current task, waiting for one."""
        await self._tracked.take(self._inner.acquire, busy=self._inner.available_tokens <= 0)

    def acquire_nowait(self) -> None:
        """Acquire a token for the current task without waiting.

        Raises:
            anyio.WouldBlock: there is none.
        """
        self._inner.acquire_nowait()
        self._tracked.taken()

    def release(self) -> None:
        """Release the token of the current task.

        Raises:
            RuntimeError: it has none.
        """
        try:
            self._inner.release()
        except RuntimeError:
            self._tracked.refused()
            raise
        self._tracked.released()

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Acquire a token for ``borrower``, waiting for one."""
        await self._inner.acquire_on_behalf_of(borrower)

    def acquire_on_behalf_of_nowait(self, borrower: object) -> None:
        """Acquire a token for ``borrower`` without waiting.

        Raises:
            anyio.WouldBlock: there is none.
        """
        self._inner.acquire_on_behalf_of_nowait(borrower)

    def release_on_behalf_of(self, borrower: object) -> None:
        """Release the token of ``borrower``.

        Raises:
            RuntimeError: it has none.
        """
        self._inner.release_on_behalf_of(borrower)

    @property
    def total_tokens(self) -> float:
        """How many there are."""
        return self._inner.total_tokens

    @total_tokens.setter
    def total_tokens(self, value: float) -> None:
        self._inner.total_tokens = value
        if value != 1:
            self._tracked.leave_order()

    @property
    def borrowed_tokens(self) -> int:
        """How many are borrowed."""
        return self._inner.borrowed_tokens

    @property
    def available_tokens(self) -> float:
        """How many are left."""
        return self._inner.available_tokens

    def statistics(self) -> CapacityLimiterStatistics:
        """As anyio's."""
        return self._inner.statistics()
