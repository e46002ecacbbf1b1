"""A schedule: the choices of one execution, by name, so that they can be written down and made again."""

from dataclasses import dataclass

from nova_async.explore.execution import Ending, Execution

CANCELLED = "cancelled before "
"""What ``did`` begins with where the task got its cancellation instead of doing the operation."""


@dataclass(frozen=True, slots=True)
class Step:
    """One choice among tasks.

    Attributes:
        task: the key of the task that was chosen.
        runnable: the keys of all that could have been, oldest first.
        did: the operation, for readers; not part of what is compared or kept in a short token.
    """

    task: str
    runnable: tuple[str, ...]
    did: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All choices of one execution.

    Attributes:
        steps: the choices among tasks.
        picks: the choices among values, in order: the number of values, and the one chosen.
        endless: the execution could have gone on, and was ended here.
    """

    steps: tuple[Step, ...]
    picks: tuple[tuple[int, int], ...] = ()
    endless: bool = False

    @classmethod
    def of(cls, execution: Execution) -> "Schedule":
        """What was chosen in an execution."""
        did = [repr(operation) for operation in execution.operations]
        for at in execution.unwound:
            did[at] = f"{CANCELLED}{did[at]}"
        taken = zip(execution.chosen, execution.runnable, did, strict=True)
        return cls(
            tuple(Step(task.key, tuple(other.key for other in runnable), what) for task, runnable, what in taken),
            tuple((n, value) for _, n, value in execution.picks),
            execution.ending is Ending.TOO_LONG,
        )

    @property
    def switches(self) -> int:
        """How often another task takes over."""
        return sum(before.task != step.task for before, step in zip(self.steps, self.steps[1:], strict=False))

    @property
    def preemptions(self) -> int:
        """How often another task takes over although the last one could go on."""
        pairs = zip(self.steps, self.steps[1:], strict=False)
        return sum(before.task != step.task and before.task in step.runnable for before, step in pairs)

    @property
    def simplicity(self) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...]]:
        """Less is simpler: fewer preemptions, then fewer switches, then shorter, then smaller."""
        return (
            self.preemptions,
            self.switches,
            len(self.steps),
            tuple(value for _, value in self.picks),
            tuple(step.runnable.index(step.task) for step in self.steps),
        )
