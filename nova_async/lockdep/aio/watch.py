"""Whether somebody watches, and what they learn of tasks."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nova_async.lockdep.aio.tasks import AnyTasks, at_end
from nova_async.lockdep.events import Line
from nova_async.lockdep.validator import Validator


class Watch:
    """A validator at work.

    Attributes:
        validator: judges everything that instrumented objects tell.
    """

    def __init__(self, validator: Validator) -> None:
        self.validator = validator
        self._made: dict[str, int] = {}
        validator.follow(self._meet)

    def instance(self, name: str) -> str:
        """``name`` for the first object of a class, ``name#2`` for the second."""
        number = self._made[name] = self._made.get(name, 0) + 1
        return name if number == 1 else f"{name}#{number}"

    def _meet(self, task: Hashable, line: Line) -> None:
        """A task is new: learn who started it, and when it ends.

        A task starts with a copy of its parent's context, so the parent's history is found there. What the parent has
        heard since counts as heard before the start; that can only acquit.
        """
        watch, parent = _parent.get()
        if watch is self and parent is not None:
            line.parent = parent
            line.heard = parent.heard
        _parent.set((self, line))
        at_end(task, self.validator.task_ended)


_parent: ContextVar[tuple[Watch | None, Line | None]] = ContextVar("nova_async.lockdep.parent", default=(None, None))

active: Watch | None = None
"""Who watches. One for the whole process, because the objects of a program know no other scope."""


@contextmanager
def watching(validator: Validator | None = None) -> Iterator[Validator]:
    """Check every instrumented object for the body of the ``with``, in all tasks of this process.

    ::

        with watching() as validator:
            anyio.run(main)
        for finding in validator.findings:
            print(splat(finding))

    Args:
        validator: to be told; a new one if None. A :class:`~nova_async.lockdep.NullValidator` turns checking off.

    Raises:
        RuntimeError: somebody watches already.
    """
    global active
    if active is not None:
        raise RuntimeError("lockdep: somebody watches already")
    chosen = validator if validator is not None else Validator(AnyTasks())
    active = Watch(chosen) if chosen.enabled else None
    try:
        yield chosen
    finally:
        active = None
        chosen.settle()
