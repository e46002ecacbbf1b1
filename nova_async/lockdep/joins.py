"""Waiting for tasks to end, as at the end of a task group."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nova_async.lockdep.classes import LockMap
from nova_async.lockdep.events import EventMap
from nova_async.lockdep.held import Entry
from nova_async.lockdep.places import Where

if TYPE_CHECKING:
    from nova_async.lockdep.validator import Validator

KEPT = 64
"""How many tasks that took locks are remembered until the join ends."""


class Join:
    """Several tasks, and one that waits for the end of all of them.

    That a task waits for a lock while whoever holds it waits for the task is told at once, and proved: nobody else can
    end a task. For a task that has ended, its end is an event like others (see :mod:`.waits`).
    """

    def __init__(self, validator: "Validator") -> None:
        self._validator = validator
        self._running: dict[Hashable, EventMap] = {}
        self._ended: list[EventMap] = []
        self._waiter: Hashable = None
        self._held: list[Entry] = []
        self._where: Where = ()

    def begin(self) -> None:
        """The calling task belongs to it from now on."""
        task = self._validator.task()
        self._validator.joined(task, self)
        self._running[task] = self._validator.event(f"the end of {self._validator.name(task)}", once=True)

    def end(self) -> None:
        """The calling task is over."""
        task = self._validator.task()
        event = self._running.pop(task)
        self._validator.joined(task, None)
        signal = self._validator.signal(event)
        if signal is not None and signal.gates and len(self._ended) < KEPT:
            self._ended.append(event)

    def blocked(self, task: Hashable, lock: LockMap) -> None:
        """A task of this join waits for ``lock``."""
        for held in self._held:
            if held.lock is lock:
                self._validator.wedged(self._waiter, held, self._where, task, self._running[task])

    @contextmanager
    def wait(self, *, ends: bool = False) -> Iterator[None]:
        """The body of this ``with`` waits for the end of all tasks.

        Args:
            ends: a deadline or a cancellation ends the wait if nothing else does.
        """
        self._waiter = self._validator.task()
        self._held, self._where = self._validator.at_wait("the end of its tasks")
        for task in self._running:
            lock = self._validator.waits_for(task)
            if lock is not None:
                self.blocked(task, lock)
        try:
            yield
        finally:
            held, self._held = self._held, []
            self._validator.heard()
        for event in () if ends else self._ended:
            self._validator.woken(event, event.latest, self._where, held)
