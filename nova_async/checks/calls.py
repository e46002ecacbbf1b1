"""The operations that run, each with what it has taken and linked so far.

Tasks run side by side, so the state before a call and after it cannot be compared as a whole. What a call itself has
done can: everything happens in some task, and a task is in one call at a time.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from nova_async.checks.page_tables import Node
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.observer import Call

_EXECUTE = "execute_map"


@dataclass(slots=True, eq=False)
class Running:
    """A call on its way.

    Attributes:
        call: as the driver describes it.
        taken: blocks that it has allocated.
        linked: tables that it has made reachable, or an earlier call for the same mapping; with each, whether another
            mapping needed it when the call last let go of the window, since it linked anything.
        linking: it has linked something since it has the window.
    """

    call: Call
    taken: list[AllocatedBlocks] = field(default_factory=list)
    linked: dict[Node, bool] = field(default_factory=dict)
    linking: bool = False


class Calls:
    """All of them, by task.

    Args:
        current: the task that runs.
    """

    def __init__(self, current: Callable[[], Hashable]) -> None:
        self._current = current
        self._running: dict[Hashable, Running] = {}

    def begin(self, call: Call) -> None:
        """The running task begins one."""
        self._running[self._current()] = Running(call)

    def end(self, call: Call) -> Running:
        """It is over; what it did."""
        return self._running.pop(self._current(), None) or Running(call)

    def took(self, allocated: AllocatedBlocks) -> None:
        """The running task has allocated blocks."""
        if running := self.of_task():
            running.taken.append(allocated)

    def linked(self, node: Node) -> None:
        """The running task has made a table reachable."""
        if running := self.of_task():
            running.linked[node] = False
            running.linking = True

    def of_others(self) -> Iterator[Running]:
        """The operations of all other tasks."""
        mine = self._current()
        return (running for task, running in self._running.items() if task != mine)

    def mapping_for(self) -> str:
        """Whose frames the running task is mapping; empty if it is in no execute."""
        running = self.of_task()
        return running.call.owner if running is not None and running.call.name == _EXECUTE else ""

    def of_task(self) -> Running | None:
        """The operation of the running task; None if it is in none."""
        return self._running.get(self._current()) if self._running else None
