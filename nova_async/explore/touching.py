"""What the present step touches: which shared objects, and how."""

from collections import defaultdict
from functools import cache

from anyio import CancelScope

from nova_async.explore.task import ControlledTask
from nova_async.explore.watched import is_shielded, scopes_around
from nova_async.operation import Access, Kind

UNGUARDED = "something that no lock guards"
"""What a step touches that is told something of which nobody says where it comes from."""


@cache
def children_of(parent: str) -> str:
    """What a task touches that ends: whoever waits for all of them does not care who was first."""
    return f"children of {parent}"


@cache
def shielded(task: str) -> str:
    """What a task touches whose shield keeps off what others cancel around it, and who cancels it inside."""
    return f"{task} in a shield"


@cache
def holder_of(lock: str) -> str:
    """What a step touches that takes a lock, or lets it go."""
    return f"holder of {lock}"


class Touching:
    """The accesses of one step after the other.

    Attributes:
        touched: what the present step has touched so far, and how, see :class:`~nova_async.operation.Access`.
        joined: who was woken in it, as all whom he waited for have ended.
        own: what it had touched when the first of these went on; None if nobody did.
    """

    __slots__ = ("_hosts", "_inside", "_taken", "joined", "own", "touched")

    def __init__(self) -> None:
        self.touched: dict[str, int] = {}
        self.joined: dict[str, None] = {}
        self.own: dict[str, int] | None = None
        self._taken: dict[str, int] = {}
        self._hosts: dict[object, tuple[ControlledTask, bool]] = {}
        self._inside: defaultdict[object, dict[str, None]] = defaultdict(dict)

    def begin(self, task: ControlledTask) -> None:
        """Its own end, should somebody else bring it about; and its operation, unless that is to take a lock.

        In a shield only who cancels it there can bring that about: to cancel it from outside is the same before and
        after a step from shield to shield.
        """
        self.touched.clear()
        self.joined.clear()
        self._taken.clear()
        self.own = None
        self.touched[shielded(task.key) if is_shielded(task) else task.key] = Access.WRITE
        operation = task.operation
        if operation is not None and operation.kind not in (Kind.ACQUIRE, Kind.PRIVATE):
            self.touched[operation.resource] = Access.WRITE

    def scope_left(self, task: ControlledTask) -> None:
        """Perhaps a shield, and not into another one."""
        if not is_shielded(task):
            self.touched[task.key] = Access.WRITE

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

    def joins(self, task: ControlledTask) -> None:
        """It has come to the end of a group, and waits there or not."""
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
        if is_shielded(task):  # so it was cancelled there
            self.touched[shielded(task.key)] = Access.WRITE
        if task.has_children:
            self.touched[children_of(task.key)] = Access.WRITE

    def began(self, task: ControlledTask) -> None:
        """Whoever cancels a scope around its group would cancel it as well, unless it is in a shield just then."""
        for scope in scopes_around(task):
            self._inside[scope][task.key] = None

    def scope_entered(self, scope: CancelScope, task: ControlledTask) -> None:
        """Remember who is in a cancel scope, and whether a shield keeps off what is around that."""
        self._hosts[scope] = task, scope.shield or is_shielded(task)

    def scope_cancelled(self, scope: CancelScope) -> None:
        """Also if nobody is in it any more: had this come earlier, somebody would have been cancelled."""
        if scope not in self._hosts:
            return
        host, inside = self._hosts[scope]
        self.touched[host.key] = Access.WRITE
        for key in self._inside.get(scope, ()):
            self.touched[key] = Access.WRITE
        if inside:
            self.touched[shielded(host.key)] = Access.WRITE
        if host.has_children:
            self.touched[children_of(host.key)] = Access.WRITE
