"""Events, and what is known of the tasks that signal them."""

from collections.abc import Iterator
from dataclasses import dataclass

from nova_async.lockdep.classes import LockClass, LockMap
from nova_async.lockdep.held import Entry
from nova_async.lockdep.places import Where


class Line:
    """What one task did and heard, in the engine's own time.

    Attributes:
        name: its role name.
        heard: when it last learned of what another task did.
        born: when it was first seen; parent: who started it, if that is known.
        took: the locks it took, the latest last.
    """

    __slots__ = ("born", "heard", "name", "parent", "took")

    def __init__(self, name: str, born: int) -> None:
        self.name = name
        self.born = born
        self.heard = 0
        self.parent: Line | None = None
        self.took: dict[LockMap, Entry] = {}

    def descends_from(self, other: "Line", since: int) -> bool:
        """Whether ``other`` started it, or one of its ancestors, later than ``since``."""
        line = self
        while line.parent is not None:
            if line.parent is other:
                return line.born > since
            line = line.parent
        return False

    def gates(self, since: int) -> dict[LockMap, Entry]:
        """The locks on which it may have blocked later than ``since``."""
        return {
            lock: entry
            for lock, entry in self.took.items()
            if entry.stamp > since and not (entry.trylock or entry.ends)
        }

    def known(self, entries: list[Entry]) -> tuple[Entry, ...]:
        """Those of the locks it holds whose taking it remembers."""
        return tuple(entry for entry in entries if self.took.get(entry.lock) is entry)


@dataclass(frozen=True, slots=True)
class Signal:
    """One occurrence of an event: who made it, and where.

    Attributes:
        gates: what they may have blocked on before.
        held: what they still held.
    """

    line: Line
    gates: dict[LockMap, Entry]
    held: tuple[Entry, ...]
    where: Where


@dataclass(slots=True)
class Signaller:
    """A task that signals an event: its first time, and when it was the latest."""

    first: Signal
    latest: int


class EventMap:
    """One event, as the validator sees it: something that tasks wait for and other tasks signal.

    Attributes:
        cls: stands for events of its name in a finding.
        once: it happens once and stays; else each occurrence is used up by one who waited.
        latest: the occurrence to which a wait that ends now is due.
    """

    __slots__ = ("born", "cls", "creator", "latest", "once", "signallers")

    def __init__(self, cls: LockClass, *, once: bool, creator: Line, born: int) -> None:
        self.cls = cls
        self.once = once
        self.creator = creator
        self.born = born
        self.latest: Signal | None = None
        self.signallers: dict[Line, Signaller] | None = {}

    def others_than(self, signal: Signal) -> Iterator[Signal]:
        """The first occurrence by each of the other tasks that made one."""
        for line, signaller in (self.signallers or {}).items():
            if line is not signal.line:
                yield signaller.first
