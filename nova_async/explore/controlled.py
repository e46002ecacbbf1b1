"""What a point is on the controlled loop, and what is told there."""

import types
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nova_async.explore.state import hash_value
from nova_async.explore.touching import UNGUARDED
from nova_async.operation import Access, Operation
from nova_async.runtime import Naming

if TYPE_CHECKING:
    from nova_async.explore.loop import ControlledLoop


class Controlled:
    """The runtime of :func:`nova_async.point.point`: parks the task until it is chosen."""

    __slots__ = ("_loop",)

    def __init__(self, loop: "ControlledLoop") -> None:
        self._loop = loop

    @property
    def naming(self) -> Naming | None:
        """How the strategy tells states apart."""
        return self._loop.naming

    def observe(self, value: Hashable, *, guarded: bool = False) -> None:
        """Add to the history of the calling task."""
        if not guarded:
            self._loop.execution.touching.touch(UNGUARDED, Access.WRITE)
        task = self._loop.observed
        if task is not None:
            task.history = hash((task.history, hash_value(value)))
            task.mark = 0

    def share(self, name: str, value: Hashable | Callable[[], Hashable], access: Access) -> None:
        """Put it in the digest."""
        if self._loop.naming is not None:
            execution = self._loop.execution
            if value is not None:  # to take a name away changes nothing by that name
                execution.touching.touch(name, access)
            execution.digest.put(name, value)

    def touch(self, name: str, access: Access) -> None:
        """Add it to what the present step touches."""
        self._loop.execution.touching.touch(name, access)

    def transparent(self, cache: str) -> bool:
        """What the strategy was told in any execution counts."""
        opaque = self._loop.opaque
        return opaque is not None and cache not in opaque

    def depend_on(self, cache: str) -> None:
        """The strategy is told."""
        if self._loop.opaque is not None and not self._loop.unwinding:
            self._loop.opaque[cache] = None

    def took(self, lock: str) -> None:
        """The present step has it."""
        self._loop.execution.touching.took(lock)

    def let_go(self, lock: str) -> None:
        """The present step has not, or not any more."""
        self._loop.execution.touching.let_go(lock)

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Give the task the history back that it had, and the number of its births."""
        task = self._loop.observed
        before = (task.history, task.births) if task is not None else (0, 0)
        yield
        if task is not None:
            task.history, task.births = before
            task.mark = 0

    def alike(self, first_at: str) -> None:
        """Remember it for the strategy; where every address counts, who was first does."""
        task = self._loop.running
        if task is not None and self._loop.naming is Naming.BIRTH:
            self._loop.execution.alike[task.key] = first_at

    def caller(self) -> str:
        """Its role and spawn path."""
        task = self._loop.running
        return "" if task is None else task.key

    def birth(self) -> tuple[str, int]:
        """Count the births of the calling task."""
        task = self._loop.running
        if task is None:
            return "", 0
        task.births += 1
        return task.key, task.births

    def pick(self, n: int) -> int:
        """As the strategy decides."""
        return self._loop.picker(n)

    @types.coroutine
    def reach(self, operation: Operation) -> Generator[None, None, None]:
        """Park the calling task before ``operation``, if that is a point."""
        if operation.kind in self._loop.passes and operation.enabled():
            return
        self._loop.announced = operation
        yield
