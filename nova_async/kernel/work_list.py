"""Work in order, for one worker that sleeps while there is none."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import observe_guarded, point, share, touch


class Work(Protocol):
    """Something to be done."""

    @property
    def name(self) -> str:
        """The same in every schedule, and no other work has it."""
        ...


W = TypeVar("W", bound=Work)


class WorkList(Generic[W]):
    """What is to be done, the oldest first.

    Args:
        name: for reports.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._closed = False
        self._work: deque[W] = deque()
        self._sleepers = Sleepers(in_turn=False)
        self._next = Operation(Kind.WAIT, name, self._ready, self._sleepers)

    def __len__(self) -> int:
        """For predicates: not observed."""
        return len(self._work)

    @property
    def closed(self) -> bool:
        """Whether no more work comes."""
        touch(self.name)
        observe_guarded(self._closed)
        return self._closed

    def put(self, work: W) -> None:
        """Add some at the end."""
        self._work.append(work)
        self._changed()

    def close(self) -> None:
        """No more comes."""
        self._closed = True
        self._changed()

    async def first(self) -> W | None:
        """The oldest, which stays on the list; None once the list is closed and empty."""
        await point(self._next)
        first = self._work[0] if self._work else None
        observe_guarded(first.name if first is not None else None)
        return first

    def take(self) -> W:
        """Take the oldest off."""
        taken = self._work.popleft()
        self._changed()
        return taken

    def take_all(self) -> list[W]:
        """Take everything off, the oldest first."""
        taken = list(self._work)
        self._work.clear()
        self._changed()
        observe_guarded(tuple(work.name for work in taken))
        return taken

    def _changed(self) -> None:
        share(self.name, self._name_state)
        self._sleepers.wake_one()

    def _name_state(self) -> Hashable:
        return self._closed, tuple(work.name for work in self._work)

    def _ready(self) -> bool:
        return bool(self._work) or self._closed
