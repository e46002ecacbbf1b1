"""Makes the choices of a recorded schedule again."""

from collections.abc import Iterable, Sequence

from nova_async.errors import ReplayDiverged
from nova_async.explore.execution import Execution
from nova_async.explore.schedule import Schedule
from nova_async.explore.strategies.protocol import Sampling
from nova_async.explore.task import ControlledTask


class Replay(Sampling):
    """One execution, exactly as recorded.

    Attributes:
        schedule: what was recorded.

    Raises:
        ReplayDiverged: at the first step at which other tasks can run than when it was recorded.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._step = 0
        self._picked = 0
        self._begun = False

    def begin(self, execution: Execution) -> bool:  # noqa: ARG002
        """Once."""
        begun, self._begun = self._begun, True
        return not begun

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask:  # noqa: ARG002
        """The task that was chosen in this step."""
        steps = self.schedule.steps
        keys = tuple(task.key for task in enabled)
        recorded = steps[self._step].runnable if self._step < len(steps) else ()
        self._step += 1
        if keys != recorded:
            raise ReplayDiverged(
                f"step {self._step}: recorded with {_listed(recorded)} runnable, now {_listed(keys)}; "
                "the program was changed, or something outside the explorer decides"
            )
        return enabled[keys.index(steps[self._step - 1].task)]

    def pick(self, n: int) -> int:
        """The value that was chosen."""
        picks = self.schedule.picks
        recorded = picks[self._picked] if self._picked < len(picks) else None
        self._picked += 1
        if recorded is None or recorded[0] != n:
            before = f"among {recorded[0]} values" if recorded else "of no value"
            raise ReplayDiverged(f"data choice {self._picked}: recorded as a choice {before}, now among {n}")
        return recorded[1]


class Follow(Sampling):
    """Follows a list of task keys where it can; leaves out what is impossible, and ends without preemptions.

    Args:
        keys: of the tasks to choose.
        picks: the data choices to make; the simplest where they do not fit.
    """

    def __init__(self, keys: Iterable[str], picks: Sequence[int]) -> None:
        self._keys = list(reversed(list(keys)))
        self._picks = list(reversed(picks))

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask:
        """The next of the list that can run, then the current task, then the oldest."""
        by_key = {task.key: task for task in enabled}
        while self._keys:
            task = by_key.get(self._keys.pop())
            if task is not None:
                return task
        return current if current is not None and current in enabled else enabled[0]

    def pick(self, n: int) -> int:
        """The next of the list if it fits."""
        value = self._picks.pop() if self._picks else 0
        return value if value < n else 0


def _listed(keys: Iterable[str]) -> str:
    return "{" + ", ".join(keys) + "}"
