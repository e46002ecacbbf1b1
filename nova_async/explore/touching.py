"""What the present step touches: which shared objects, and how."""

from functools import cache

from nova_async.explore.task import ControlledTask
from nova_async.point import Access, Kind

UNGUARDED = "something that no lock guards"
"""What a step touches that is told something of which nobody says where it comes from."""


@cache
def children_of(parent: str) -> str:
    """What a task touches that ends: whoever waits for all of them does not care who was first."""
    return f"children of {parent}"


@cache
def holder_of(lock: str) -> str:
    """What a step touches that takes a lock, or lets it go."""
    return f"holder of {lock}"


class Touching:
    """The accesses of one step after the other.

    Attributes:
        touched: what the present step has touched so far, and how, see :class:`~nova_async.point.Access`.
        joined: who was woken in it, as all whom he waited for have ended.
        own: what it had touched when the first of these went on; None if nobody did.
    """

    __slots__ = ("_hosts", "_taken", "joined", "own", "touched")

    def __init__(self) -> None:
        self.touched: dict[str, int] = {}
        self.joined: dict[str, None] = {}
        self.own: dict[str, int] | None = None
        self._taken: dict[str, int] = {}
        self._hosts: dict[object, ControlledTask] = {}

    def begin(self, task: ControlledTask) -> None:
        """Its own end, should somebody else bring it about; and its operation, unless that is to take a lock."""
        self.touched.clear()
        self.joined.clear()
        self._taken.clear()
        self.own = None
        self.touched[task.key] = Access.WRITE
        self.resumed(task)
        operation = task.operation
        if operation is not None and operation.kind not in (Kind.ACQUIRE, Kind.PRIVATE):
            self.touched[operation.resource] = Access.WRITE

    def touch(self, name: str, access: int) -> None:
        """The present step does this as well."""
        self.touched[name] = self.touched.get(name, 0) | access

    def took(self, lock: str) -> None:
        """Nobody else has the lock now; see :meth:`let_go`."""
        name = holder_of(lock)
        self._taken[name] = self.touched.get(name, Access.READ)
        self.touched[name] = Access.WRITE

    def let_go(self, lock: str) -> None:
        """A lock that is taken and released in one step was never seen held; but somebody else might have held it."""
        name = holder_of(lock)
        self.touched[name] = self._taken.pop(name, Access.WRITE)

    def resumed(self, task: ControlledTask) -> None:
        """It may come to the end of a group, and wait there or not."""
        if task.has_children:
            self.touch(children_of(task.key), Access.READ)

    def woken_by_all(self, task: ControlledTask) -> None:
        """The last of those for whom a task has waited at the end of a group has ended."""
        self.joined[task.key] = None
        if self.own is None:
            self.own = dict(self.touched)

    def ended(self, task: ControlledTask) -> None:
        """A task is no more."""
        if task.parent is not None:
            self.touch(children_of(task.parent.key), Access.ADD)

    def cancelled(self, task: ControlledTask) -> None:
        """Everything that it does is changed, and whether those whom it has started have ended."""
        self.touched[task.key] = Access.WRITE
        if task.has_children:
            self.touched[children_of(task.key)] = Access.WRITE

    def scope_entered(self, scope: object, task: ControlledTask) -> None:
        """Remember who is in a cancel scope."""
        self._hosts[scope] = task

    def scope_cancelled(self, scope: object) -> None:
        """Also if nobody is in it any more: had this come earlier, somebody would have been cancelled."""
        host = self._hosts.get(scope)
        if host is not None:
            self.cancelled(host)
