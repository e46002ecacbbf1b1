"""The rules, asked only where the chain cache has no answer.

An acquisition gets an edge from the youngest held lock, and from those below it as long as the one above cannot
stand for them: past a trylock (it has no edge into it), past a recursive reader (a path through it is not strong;
stopping there is how the kernel misses X1), and past one that was excused by a nest lock.
"""

from collections.abc import Sequence
from enum import Enum

from nova_async.findings import Severity
from nova_async.lockdep.classes import LockClass, LockMap, Mode, Role, WaitType
from nova_async.lockdep.contexts import PLAIN, Contexts, about, colour
from nova_async.lockdep.gfp import NOTIFIES, RECLAIMS
from nova_async.lockdep.graph import EdgeWitness, Graph, kind_of
from nova_async.lockdep.held import Entry
from nova_async.lockdep.telling import Scene, Teller

_AGAIN = {
    Role.RECLAIM: "allocates with reclaim inside reclaim",
    Role.NOTIFIER: "allocates inside an MMU notifier; reclaim may wait for that very notifier",
}
"""What taking a pseudo-lock again means."""


class _Same(Enum):
    """What the held locks of the class that is taken mean for it."""

    FINE = 1
    NESTED = 2
    RECURSION = 3


class Rules:
    """Judges acquisitions, allocations and waits."""

    def __init__(self, graph: Graph, contexts: Contexts, teller: Teller) -> None:
        self._graph = graph
        self._contexts = contexts
        self._tell = teller

    def acquisition(self, scene: Scene, entry: Entry, nest: LockMap | None = None) -> bool:
        """Judge taking ``entry`` on top of the stack; whether nothing was found that depends on the place."""
        if entry.trylock or not entry.cls.check:
            return True
        if entry.cls.role is Role.RECLAIM:
            return self._reclaims(scene, entry.lock, "reclaims memory", echo=True)
        clean = self._wait_type(scene, entry)
        same = self._same_class(scene, entry, nest)
        if same is _Same.NESTED:
            return clean
        self._ranks(scene, entry)
        self._edges(scene, entry, ())
        return clean and same is _Same.FINE

    def nest(self, scene: Scene, entry: Entry, nest: LockMap) -> bool:
        """Judge the promise that ``nest`` is held; asked each time, since it is about instances."""
        if scene.stack.find(nest) is not None:
            return True
        message = f"takes {entry.lock.instance} nested under {nest.instance}, which it does not hold"
        self._tell.direct("NOVA103", scene, message, (entry.lock, nest))
        return False

    def instance_order(self, scene: Scene, entry: Entry) -> bool:
        """Judge two instances of one class by its order function; asked each time (lockdep.md X84)."""
        order = entry.cls.order
        if order is None or entry.trylock:
            return True
        for held in scene.stack.entries:
            if held.cls is entry.cls and held.lock is not entry.lock and order(held.lock, entry.lock) >= 0:
                self._recursion(scene, entry, held)
                return False
        return True

    def allocation(self, scene: Scene, effect: int, what: str) -> bool:
        """Judge an allocation; whether nothing was found that depends on the place."""
        clean = self._atomic(scene, what)
        if effect < NOTIFIES:
            return clean
        target = self._contexts.reclaim if effect == RECLAIMS else self._contexts.notifier
        return self._reclaims(scene, target, what) and clean

    def _reclaims(self, scene: Scene, target: LockMap, what: str, *, echo: bool = False) -> bool:
        """Judge what may reclaim, or does; with ``echo`` an allocation led here, and had its say already."""
        explained = self._in_section(scene)
        if explained:
            message = f"{what} inside a fence-signalling section; reclaim may wait for the very fence it is to signal"
            self._tell.direct("NOVA202", scene, message, (self._contexts.fence,), echo=echo)
        for held in scene.stack.entries:
            if held.cls.no_reclaim:
                explained.append(held)
                message = f"{what} while holding {held.lock.instance}; reclaim may wait for a fence that needs it"
                self._tell.direct("NOVA201", scene, message, (held.lock,), echo=echo)
        return self._touch(scene, target, explained) and not explained

    def wait(self, scene: Scene, what: str) -> bool:
        """Judge a wait for a DMA fence, any; whether nothing was found that depends on the place."""
        clean = self._atomic(scene, what)
        explained = self._in_section(scene)
        if explained:
            # The kernel drops its own hold around the wait and says nothing (lockdep.md X26).
            message = f"{what} inside a fence-signalling section; it may wait for the very fence it is to signal"
            self._tell.direct("NOVA204", scene, message, (self._contexts.fence,))
        self._touch(scene, self._contexts.fence, explained)
        return clean and not explained

    def sleep(self, scene: Scene, what: str) -> bool:
        """Judge a suspension point; whether nothing was found."""
        return self._atomic(scene, what)

    def _atomic(self, scene: Scene, what: str) -> bool:
        if scene.stack.chain.inner >= WaitType.SLEEP:
            return True
        held = self._tightest(scene)
        message = f"{what} may sleep, in atomic context: it holds {held.lock.instance}"
        self._tell.direct("NOVA205", scene, message, (held.lock,))
        return False

    def _wait_type(self, scene: Scene, entry: Entry) -> bool:
        if entry.cls.outer <= scene.stack.chain.inner:
            return True
        held = self._tightest(scene)
        message = f"takes {entry.lock.instance}, which may sleep, in atomic context: it holds {held.lock.instance}"
        self._tell.direct("NOVA205", scene, message, (held.lock, entry.lock))
        return False

    def _tightest(self, scene: Scene) -> Entry:
        return min(scene.stack.entries, key=lambda held: held.cls.inner)

    def _same_class(self, scene: Scene, entry: Entry, nest: LockMap | None) -> _Same:
        """Recursion is judged here, because a class has no edge to itself (lockdep.md 1.5)."""
        nested = False
        for held in scene.stack.entries:
            nested = nested or held.lock is nest
            if held.cls is not entry.cls:
                continue
            if nested:
                return _Same.NESTED
            if entry.mode == Mode.RECURSIVE_READ and held.mode != Mode.EXCLUSIVE:
                continue
            if entry.cls.order is not None and held.lock is not entry.lock:
                continue  # judged by its order function before the cache was asked
            self._recursion(scene, entry, held)
            return _Same.RECURSION
        return _Same.FINE

    def _recursion(self, scene: Scene, entry: Entry, held: Entry) -> None:
        if held.lock is entry.lock:
            severity = Severity.PROVED
            message = _AGAIN.get(entry.cls.role, f"takes {entry.lock.instance}, which it holds already")
        else:
            # Two instances may be two locks that never meet in the other order; nobody said so yet.
            severity = Severity.POSSIBLE
            message = f"takes {entry.lock.instance} while holding {held.lock.instance} of the same class"
        locks = (held.lock, entry.lock) if held.lock is not entry.lock else (entry.lock,)
        self._tell.direct("NOVA102", scene, message, locks, severity=severity)

    def _ranks(self, scene: Scene, entry: Entry) -> None:
        for held in scene.stack.entries:
            if _against_table(held.cls, entry.cls):
                self._tell.against_table(scene, held, entry)

    def _in_section(self, scene: Scene) -> list[Entry]:
        """The open section and what was taken in it."""
        entries = scene.stack.entries
        opened = (position for position, held in enumerate(entries) if held.cls.role is Role.FENCE)
        return entries[next(opened, len(entries)) :]

    def _touch(self, scene: Scene, target: LockMap, explained: Sequence[Entry]) -> bool:
        """Take a pseudo-lock and release it at once."""
        entry = Entry(target, target.cls, target.cls.base, scene.stack.chain, scene.where)
        clean = True
        if target.cls.role is not Role.FENCE:
            clean = self._same_class(scene, entry, None) is _Same.FINE
        self._edges(scene, entry, explained)
        return clean

    def _edges(self, scene: Scene, entry: Entry, explained: Sequence[Entry]) -> None:
        """Learn what is held while ``entry`` is taken; a hold that is a finding already would only echo it."""
        for held in reversed(scene.stack.entries):
            if held in explained or not held.cls.check:
                continue
            if held.cls is not entry.cls and not self._contexts.ordered(held.cls, entry.cls):
                self._edge(scene, held, entry)
            if held.links:
                return

    def _edge(self, scene: Scene, held: Entry, entry: Entry) -> None:
        kind = kind_of(held.mode, entry.mode)
        if self._graph.knows(held.cls, entry.cls, kind):
            return
        witness = EdgeWitness(self._tell.task(scene.task), held.where, entry.where)
        for cycle in self._graph.add(held.cls, entry.cls, kind, witness, colour(held.cls, entry.cls)):
            # Against the declared table it was told as such, whatever else is known about these two.
            if not (_against_table(held.cls, entry.cls) and about(cycle) == PLAIN):
                self._tell.cycle(cycle, scene)


def _against_table(held: LockClass, taken: LockClass) -> bool:
    return held.rank is not None and taken.rank is not None and held.rank > taken.rank
