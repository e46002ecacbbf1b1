"""How an instrumented object is known to whoever watches; its class is the place that made it, as in the kernel."""

import linecache
import re
from collections.abc import Awaitable, Callable
from math import inf
from types import CodeType
from typing import TypeVar

from anyio import current_effective_deadline

from nova_async.findings import Site
from nova_async.lockdep.aio import watch
from nova_async.lockdep.classes import LockMap, Mode
from nova_async.lockdep.events import EventMap, Signal
from nova_async.lockdep.places import FramePlaces
from nova_async.lockdep.validator import Validator
from nova_async.lockdep.waits import Waiting

T = TypeVar("T")

_ASSIGNED = re.compile(r"\s*(?:self\.|cls\.)?(\w+)\s*(?::[^=]*)?=[^=]")
_places = FramePlaces()
_names: dict[tuple[CodeType, int, str], str] = {}
_taken: set[str] = set()


def place_name(kind: str) -> str:
    """The name of the place in the program that makes an object now.

    No two places have the same name, nor do objects of two kinds that one place makes.
    """
    where = _places.capture()
    if not where:
        return f"a {kind}"
    code, lasti = where[:2]
    name = _names.get((code, lasti, kind))
    if name is None:
        name = _names[code, lasti, kind] = _new_name(code, lasti, kind)
        _taken.add(name)
    return name


def _new_name(code: CodeType, lasti: int, kind: str) -> str:
    line = _described(code, _places.resolve((code, lasti))[0])
    column = f"{line}, column {_column(code, lasti)}"
    free = (name for name in (line, column, f"{column}, {kind}") if name not in _taken)
    return next(free, f"{column}, {kind}, {len(_taken)}")


def _described(code: CodeType, site: Site) -> str:
    """``Account.lock (bank.py:12)`` where the line assigns to something, else ``bank.py:12``."""
    assigned = _ASSIGNED.match(linecache.getline(code.co_filename, site.line))
    if assigned is None:
        return f"{site.file}:{site.line}"
    owner = code.co_qualname.rpartition(".")[0].rpartition("<locals>.")[2].removesuffix("<locals>").rstrip(".")
    return f"{f'{owner}.' if owner else ''}{assigned[1]} ({site.file}:{site.line})"


def _column(code: CodeType, lasti: int) -> int:
    return (list(code.co_positions())[lasti // 2][2] or 0) + 1


def has_deadline() -> bool:
    """Whether a timeout ends whatever the task waits for."""
    return current_effective_deadline() != inf


class Tracked:
    """A lock of an instrumented object, in whichever validator watches.

    Args:
        name: of its class; empty for the place that makes it.
        kind: of object; one place may make several kinds.
        owned: False for a lock that any task may release.
        ordered: False for what gives no order; still, no task may end with it.

    Attributes:
        map: the lock, for whoever :meth:`watcher` returned last.
    """

    __slots__ = ("_name", "_ordered", "_owned", "_told", "_unseen", "_watch", "map")

    def __init__(self, name: str, kind: str, *, owned: bool = True, ordered: bool = True) -> None:
        self._name = name or place_name(kind)
        self._owned = owned
        self._ordered = ordered
        self._watch: watch.Watch | None = None
        self._told = 0
        self._unseen = 0
        self.map: LockMap

    def watcher(self) -> Validator | None:
        """Who is to be told, if anybody."""
        active = watch.active
        if active is None:
            return None
        if active is not self._watch:
            self._watch = active
            self._unseen += self._told
            self._told = 0
            self.map = active.validator.lock(self._name, active.instance(self._name), owned=self._owned)
            self.map.cls.check = self.map.cls.check and self._ordered
        return active.validator

    def leave_order(self) -> None:
        """From now on it gives no order, and its class with it."""
        self._ordered = False
        if self.watcher() is not None:
            self.map.cls.check = False

    async def take(self, get: Callable[[], Awaitable[T]], *, busy: bool, mode: Mode = Mode.EXCLUSIVE) -> T:
        """Get the lock by awaiting ``get``.

        Args:
            get: returns when the task has it, or False if it gave up.
            busy: it will have to wait.
            mode: how the lock is taken.
        """
        validator = self.watcher()
        if validator is None:
            got = await get()
            self._unseen += got is not False
            return got
        lock = self.map
        validator.acquire(lock, mode)
        if has_deadline():
            validator.deadline(lock)
        if busy:
            validator.contended(lock)
        try:
            got = await get()
        except BaseException:
            validator.abandon(lock)
            raise
        if got is False:
            validator.abandon(lock)
            return got
        validator.acquired(lock)
        self._told += 1
        return got

    def taken(self, mode: Mode = Mode.EXCLUSIVE) -> None:
        """The task got the lock without waiting, and would not have waited."""
        validator = self.watcher()
        if validator is None:
            self._unseen += 1
            return
        validator.acquire(self.map, mode, trylock=True)
        validator.acquired(self.map)
        self._told += 1

    def released(self) -> None:
        """The task let the lock go; what was taken before anybody watched is let go in silence."""
        validator = self.watcher()
        if validator is not None and (self._told or not self._unseen):
            self._told = max(self._told - 1, 0)
            validator.release(self.map)
        elif self._unseen:
            self._unseen -= 1

    def refused(self) -> None:
        """The object itself says that the task does not hold the lock it lets go."""
        validator = self.watcher()
        if validator is not None:
            validator.misused(f"releases {self.map.instance}, which it does not hold", self.map)


class TrackedEvent:
    """An event of an instrumented object, in whichever validator watches.

    Args:
        name: of its class; empty for the place that makes it.
        kind: of object; one place may make several kinds.
        once: it happens once and stays.
    """

    __slots__ = ("_name", "_old", "_once", "_watch", "event")

    def __init__(self, name: str, kind: str, *, once: bool = False) -> None:
        self._name = name or place_name(kind)
        self._once = once
        self._watch: watch.Watch | None = None
        self._old = False
        self.event: EventMap
        self.watcher()
        self._old = True  # for whoever comes to watch later

    def watcher(self) -> Validator | None:
        """Who is to be told, if anybody."""
        active = watch.active
        if active is None:
            return None
        if active is not self._watch:
            self._watch = active
            self.event = active.validator.event(self._name, once=self._once, old=self._old)
        return active.validator

    def signal(self) -> Signal | None:
        """The task makes the event occur."""
        validator = self.watcher()
        return validator.signal(self.event) if validator is not None else None

    def heard(self) -> None:
        """The task learned of what others did, by an occurrence that is not judged."""
        validator = self.watcher()
        if validator is not None:
            validator.heard()

    async def wait(self, get: Callable[[], Awaitable[T]]) -> T:
        """Wait for the event by awaiting ``get``."""
        validator = self.watcher()
        if validator is None:
            return await get()
        with self.waiting(validator):
            return await get()

    def waiting(self, validator: Validator) -> Waiting:
        """The body of this ``with`` waits for the event."""
        return validator.waiting(self.event, ends=has_deadline())
