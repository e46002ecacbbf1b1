"""Who tells a recorder what happens in a world: hooks in lockdep, driver and hardware, attached only while it records.

What the kernel does is told by the kernel itself (:func:`nova_async.events.trace`): fences, jobs, allocations, faults.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from nova_async.events import NOTHING, Detail, EventKind, Recorder
from nova_async.explore.loop import ControlledLoop
from nova_async.findings import Finding
from nova_async.lockdep import LockListener, LockMap, Tasks, Validator
from nova_async.lockdep.classes import Role
from nova_async.lockdep.held import Entry

_BEGINS = {
    Role.FENCE: EventKind.SECTION_BEGIN,
    Role.RECLAIM: EventKind.RECLAIM_BEGIN,
    Role.NOTIFIER: EventKind.NOTIFIER_BEGIN,
}
_ENDS = {
    Role.FENCE: EventKind.SECTION_END,
    Role.RECLAIM: EventKind.RECLAIM_END,
    Role.NOTIFIER: EventKind.NOTIFIER_END,
}


def step_counter(live: Callable[[], int]) -> Callable[[], int]:
    """What counts the scheduling points passed: the explorer's loop where that runs the caller, else ``live``."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # trio
        return live
    if isinstance(loop, ControlledLoop):
        return lambda: loop.step + 1
    return live


class Recording:
    """Hands what happens in one world to a recorder, with the name of the task that did it.

    Args:
        recorder: keeps it.
        tasks: who runs.
        steps: how many scheduling points the run has passed.
    """

    def __init__(self, recorder: Recorder, tasks: Tasks, steps: Callable[[], int]) -> None:
        self._recorder = recorder
        self._tasks = tasks
        self._steps = steps
        self._names: dict[Hashable, str] = {}

    def record(self, kind: EventKind, resource: str, detail: Mapping[str, Detail] = NOTHING) -> None:
        """The calling task did this."""
        task = self._tasks.current()
        name = self._names.get(task)
        if name is None:
            name = self._names[task] = self._tasks.name(task)
            self._recorder.add(self._steps(), name, EventKind.TASK_BEGIN, name)
        self._recorder.add(self._steps(), name, kind, resource, detail)

    def task_ended(self, task: Hashable) -> None:
        """A task that did something is over."""
        name = self._names.pop(task, None)
        if name is not None:
            self._recorder.add(self._steps(), name, EventKind.TASK_END, name)

    def found(self, finding: Finding) -> None:
        """A rule was broken."""
        said = {"slug": finding.slug, "severity": str(finding.severity), "message": finding.message}
        self.record(EventKind.FINDING, finding.code, said)

    @property
    def at(self) -> int:
        """The logical time of the latest event."""
        return self._recorder.at

    @property
    def actor(self) -> str:
        """The name of the task that calls."""
        return self._tasks.name(self._tasks.current())


@dataclass(slots=True)
class _Lock:
    """What is known of one lock.

    Attributes:
        name: as recorded; two locks of one name are told apart by a number.
        holder: who has it.
        released: who let it go last, and when.
    """

    name: str
    holder: str = ""
    released: tuple[str, int] = ("", 0)


class LockRecording(LockListener):
    """The locks of one validator.

    Args:
        recording: is told.
        lockdep: is listened to.
    """

    def __init__(self, recording: Recording, lockdep: Validator) -> None:
        self._recording = recording
        self._resolve = lockdep.resolve
        self._locks: dict[LockMap, _Lock] = {}
        self._instances: dict[str, int] = {}
        self._asked: dict[tuple[str, LockMap], int] = {}

    def asked(self, entry: Entry) -> None:
        """A lock is wanted, or a section opened."""
        lock = entry.lock
        if entry.cls.role is not Role.LOCK:
            self._tell_section(_BEGINS, entry.cls.role, lock)
            return
        sites = self._resolve(entry.where)
        detail: dict[str, Detail] = {
            "class": entry.cls.name,
            "mode": entry.mode.name.lower(),
            "how": "trylock" if entry.trylock else "lock",
            "at": str(sites[0]) if sites else "",
        }
        self._recording.record(EventKind.LOCK_ACQUIRE, self._of(lock).name, detail)
        self._asked[self._recording.actor, lock] = self._recording.at

    def contended(self, lock: LockMap) -> None:
        """It is taken."""
        known = self._of(lock)
        detail = {"class": lock.cls.name, "holder": known.holder}
        self._recording.record(EventKind.LOCK_CONTENDED, known.name, detail)

    def acquired(self, lock: LockMap) -> None:
        """It was got; a release since it was asked for is what let the task go on."""
        known, actor = self._of(lock), self._recording.actor
        asked = self._asked.pop((actor, lock), 0)
        by, released = known.released
        detail: dict[str, Detail] = {"class": lock.cls.name}
        if asked and released > asked:
            detail |= {"from": by, "released_at": released}
        known.holder = actor
        self._recording.record(EventKind.LOCK_ACQUIRED, known.name, detail)

    def abandoned(self, lock: LockMap) -> None:
        """It was given up."""
        self._asked.pop((self._recording.actor, lock), None)
        if lock.cls.role is Role.LOCK:
            self._recording.record(EventKind.LOCK_ABANDONED, self._of(lock).name, {"class": lock.cls.name})

    def released(self, lock: LockMap, owner: Hashable) -> None:  # noqa: ARG002  the listener's signature
        """It was let go, or a section closed."""
        if lock.cls.role is not Role.LOCK:
            self._tell_section(_ENDS, lock.cls.role, lock)
            return
        known = self._of(lock)
        self._recording.record(EventKind.LOCK_RELEASE, known.name, {"class": lock.cls.name})
        known.holder = ""
        known.released = self._recording.actor, self._recording.at

    def found(self, finding: Finding) -> None:
        """A rule was broken."""
        self._recording.found(finding)

    def task_ended(self, task: Hashable) -> None:
        """The end of a task."""
        self._recording.task_ended(task)

    def _tell_section(self, kinds: Mapping[Role, EventKind], role: Role, lock: LockMap) -> None:
        kind = kinds.get(role)
        if kind is not None:
            self._recording.record(kind, lock.cls.name)

    def _of(self, lock: LockMap) -> _Lock:
        known = self._locks.get(lock)
        if known is None:
            count = self._instances[lock.instance] = self._instances.get(lock.instance, 0) + 1
            known = self._locks[lock] = _Lock(lock.instance if count == 1 else f"{lock.instance}#{count}")
        return known
