"""The least that concurrent programs are made of: a cell, a lock, a flag, each operation one step.

Tests, benchmarks and quick questions use them; on the controlled loop only.
"""

from collections.abc import Hashable
from types import TracebackType
from typing import Generic, TypeVar

from nova_async.errors import EPERM
from nova_async.explore.state import current_digest
from nova_async.operation import Kind, Operation
from nova_async.point import let_go, observe, point, share, took

T = TypeVar("T", bound=Hashable)


class Cell(Generic[T]):
    """A shared variable.

    Args:
        name: the same in every schedule.
        value: what it holds at first.
        told: whether the explorer is told of its value; only a test that shows what is then missed says no.
    """

    __slots__ = ("_digest", "_read", "_value", "_write", "name")

    def __init__(self, name: str, value: T, *, told: bool = True) -> None:
        self.name = name
        self._digest = current_digest() if told else None
        self._read = Operation(Kind.READ, name)
        self._write = Operation(Kind.WRITE, name)
        self._set(value)

    async def read(self) -> T:
        """What it holds."""
        await point(self._read)
        return self._get()

    async def write(self, value: T) -> None:
        """Let it hold this."""
        await point(self._write)
        self._set(value)

    async def compare_and_swap(self, expected: T, value: T) -> bool:
        """Let it hold ``value`` if it holds ``expected``, in one step; whether it did."""
        await point(self._write)
        swapped = self._get() == expected
        if swapped:
            self._set(value)
        return swapped

    @property
    def value(self) -> T:
        """What it holds, without a step: for whoever owns it alone, as under the lock that guards it."""
        return self._get()

    @value.setter
    def value(self, value: T) -> None:
        self._set(value)

    def _get(self) -> T:
        if self._digest is not None:
            observe(self._value)
        return self._value

    def _set(self, value: T) -> None:
        self._value = value
        if self._digest is not None:
            share(self.name, value)


class Lock:
    """An exclusive lock: ``async with lock``."""

    __slots__ = ("_acquire", "_digest", "held", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = False
        self._digest = current_digest()
        self._acquire = Operation(Kind.ACQUIRE, name, self._is_free)

    async def __aenter__(self) -> None:
        await point(self._acquire)
        self._hold(held=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def acquire(self) -> None:
        """Take it, once it is free."""
        await self.__aenter__()

    def release(self) -> None:
        """Let it go, as a part of the present step.

        Raises:
            EPERM: nobody holds it.
        """
        if not self.held:
            raise EPERM(f"lock {self.name}: released and not held")
        self._hold(held=False)

    def _hold(self, *, held: bool) -> None:
        self.held = held
        if self._digest is not None:
            (took if held else let_go)(self.name)
            self._digest.put(self.name, held)

    def _is_free(self) -> bool:
        return not self.held


class Flag:
    """Set once, for all to see."""

    __slots__ = ("_digest", "_signal", "_wait", "name", "raised")

    def __init__(self, name: str) -> None:
        self.name = name
        self.raised = False
        self._digest = current_digest()
        self._wait = Operation(Kind.WAIT, name, self._is_raised)
        self._signal = Operation(Kind.SIGNAL, name)

    async def wait(self) -> None:
        """Go on once it is set."""
        await point(self._wait)

    async def set(self) -> None:
        """Set it; a second time changes nothing."""
        await point(self._signal)
        self.raised = True
        if self._digest is not None:
            share(self.name, value=True)

    def _is_raised(self) -> bool:
        return self.raised
