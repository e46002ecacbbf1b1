"""NOVA402: fences that others can see and that nobody signals.

A public fence is a promise. Whose it is to keep is known where a task says so; if that task ends first, the promise is
broken at that moment, and not only when everything is over.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from nova_async.lockdep.held import Chain, HeldStack
from nova_async.lockdep.places import Where
from nova_async.lockdep.telling import Scene, Teller


@dataclass(slots=True, eq=False)
class _Promise:
    """A public fence: its name, who made it public and where, and who answers for it."""

    name: str
    task: Hashable
    where: Where
    owner: Hashable = None


class FencePromises:
    """All fences that are public and pending.

    Args:
        tell: words what is found.
        root: nothing held.
    """

    def __init__(self, tell: Teller, root: Chain) -> None:
        self._tell = tell
        self._root = root
        self._pending: dict[Hashable, _Promise] = {}
        self._owed: dict[Hashable, dict[Hashable, None]] = {}

    def made(self, fence: Hashable, name: str, task: Hashable, where: Where) -> None:
        """A task lets others see a fence."""
        self._pending.setdefault(fence, _Promise(name, task, where))

    def taken_on(self, fence: Hashable, task: Hashable) -> None:
        """From now on this task answers for it, and nobody else."""
        promise = self._pending.get(fence)
        if promise is not None:
            self._forget_owner(fence, promise)
            promise.owner = task
            self._owed.setdefault(task, {})[fence] = None

    def kept(self, fence: Hashable) -> None:
        """It is signalled."""
        promise = self._pending.pop(fence, None)
        if promise is not None:
            self._forget_owner(fence, promise)

    def task_ended(self, task: Hashable) -> None:
        """Nobody answers any more for what this task had taken on."""
        for fence in self._owed.pop(task, ()):
            promise = self._pending.pop(fence)
            self._say(task, promise, f"ended, and nobody else will signal {promise.name}")

    def drop(self) -> None:
        """Forget all of them, without a word."""
        self._pending.clear()
        self._owed.clear()

    def settle(self) -> None:
        """Everything is over."""
        pending = list(self._pending.values())
        self.drop()
        for promise in pending:
            self._say(promise.task, promise, f"let others see {promise.name}, which was never signalled")

    def _forget_owner(self, fence: Hashable, promise: _Promise) -> None:
        owed = self._owed.get(promise.owner)
        if owed is not None:
            owed.pop(fence, None)
            if not owed:
                del self._owed[promise.owner]

    def _say(self, task: Hashable, promise: _Promise, message: str) -> None:
        self._tell.direct("NOVA402", Scene(task, HeldStack(self._root), promise.where), message)
