"""Of executions that differ in nothing but the names of tasks, only one.

Emerson and Sistla, "Symmetry and Model Checking", 1996: where tasks are alike, states that differ by who is who need be
looked at once. Here the names are made to follow from the execution: the task that is the first of them to come to a
certain resource is the first that has begun, and so on. Every execution has one renaming for which that is so.
"""

from collections.abc import Sequence

from nova_async.explore.execution import Execution
from nova_async.explore.state import hash_name
from nova_async.explore.task import ControlledTask

LEFT_OUT = "a task that is said to be like others ended before it came to {}, where they are named by their order"


class Symmetry:
    """Who may go where, in one execution.

    Args:
        execution: says who is alike.

    Attributes:
        doubts: why states may be missing.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._passed: dict[str, None] = {}
        self.doubts: dict[str, None] = {}

    def allowed(self, enabled: Sequence[ControlledTask]) -> Sequence[ControlledTask]:
        """Those whose turn it may be."""
        if len(self._passed) == len(self._execution.alike):
            return enabled
        return [task for task in enabled if not self._comes_there(task) or self._is_next(task)]

    @property
    def passed(self) -> int:
        """A part of the state's name: who has come there."""
        return hash(frozenset(map(hash_name, self._passed))) if self._passed else 0

    def takes(self, task: ControlledTask) -> None:
        """It is a task's turn."""
        if self._comes_there(task):
            self._passed[task.key] = None

    def _comes_there(self, task: ControlledTask) -> bool:
        """For the first time."""
        operation = task.operation
        return (
            operation is not None
            and not task.cancelled_here
            and task.key not in self._passed
            and self._execution.alike.get(task.key) == operation.resource
        )

    def _is_next(self, task: ControlledTask) -> bool:
        place = self._execution.alike[task.key]
        for key, where in self._execution.alike.items():
            if key == task.key:
                return True
            if where == place and key not in self._passed:
                return self._has_ended(key, place)
        return True

    def _has_ended(self, key: str, place: str) -> bool:
        if any(task.key == key for task in self._execution.tasks):
            return False
        self.doubts[LEFT_OUT.format(place)] = None
        return True
