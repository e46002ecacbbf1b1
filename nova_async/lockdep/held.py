"""What each task holds, and the chains of classes that were already judged (lockdep.md 1.2, 1.6)."""

from collections.abc import Hashable
from dataclasses import dataclass

from nova_async.findings import Site
from nova_async.lockdep.classes import MODE_BITS, NEST_STEP, TRYLOCK_STEP, LockClass, LockMap, Mode, Role, WaitType
from nova_async.lockdep.places import Where

_MODES = tuple(Mode)
"""By number; calling the enum would cost several times as much."""


class Chain:
    """A sequence of classes held, oldest first: a node of a trie, so that equal sequences are one object.

    Every rule that looks only at classes is a function of the chain, hence what was found clean once stays clean.
    (The kernel keys a hash table by a 64-bit mix of the same; a trie cannot collide.)

    Attributes:
        step: the last lock and its manner.
        next: by step, the longer chains that were judged and broke no rule.
        others: by step, those that did, or were never judged: the next to get there is judged (again), because
            the same mistake in another place is another finding.
        inner: the tightest wait type that the held locks leave.
        section: whether a fence-signalling section is open.
        safe: the allocations and waits already judged clean here, one bit each.
    """

    __slots__ = ("inner", "next", "others", "safe", "section", "step")

    def __init__(self, step: int, inner: int, *, section: bool) -> None:
        self.step = step
        self.inner = inner
        self.section = section
        self.next: dict[int, Chain] = {}
        self.others: dict[int, Chain] = {}
        self.safe = 0

    @classmethod
    def root(cls) -> "Chain":
        """Nothing held."""
        return cls(-1, int(WaitType.SLEEP), section=False)

    def child(self, step: int, taken: LockClass) -> "Chain":
        """The chain with one more lock."""
        found = self.next.get(step) or self.others.get(step)
        if found is None:
            section = self.section or taken.role is Role.FENCE
            found = self.others[step] = Chain(step, min(self.inner, taken.inner), section=section)
        return found

    def judged(self, step: int, taken: LockClass, *, clean: bool) -> "Chain":
        """The chain with one more lock, after the rules had their say about it."""
        found = self.child(step, taken)
        if clean:
            self.others.pop(step, None)
            self.next[step] = found
        return found


class Entry:
    """One lock on a held stack.

    Attributes:
        step: its class and manner as one int.
        before: the chain without it.
        where: the place it was taken.
        asked, got: when it was asked for and had, ns; contended: whether it had to wait. Kept by lock_stat.
        stamp, heard: when it was taken, and when its task had last heard of another; ends: whether a deadline would
            have ended the wait for it. Kept by :mod:`.waits`.
    """

    __slots__ = ("asked", "before", "cls", "contended", "ends", "got", "heard", "lock", "stamp", "step", "where")

    def __init__(self, lock: LockMap, cls: LockClass, step: int, before: Chain, where: Where) -> None:
        self.lock = lock
        self.cls = cls
        self.step = step
        self.before = before
        self.where = where
        self.asked: int
        self.got: int
        self.contended: bool
        self.stamp: int
        self.heard: int
        self.ends: bool

    @property
    def mode(self) -> Mode:
        """How it is held."""
        return _MODES[self.step & MODE_BITS]

    @property
    def trylock(self) -> bool:
        """Whether it was got by a trylock."""
        return bool(self.step & TRYLOCK_STEP)

    @property
    def links(self) -> bool:
        """Whether the edges from it stand for those from the locks below it (see :mod:`.rules`)."""
        return not self.step & (TRYLOCK_STEP | NEST_STEP) and self.mode is not Mode.RECURSIVE_READ


class HeldStack:
    """What one task holds, oldest first.

    Attributes:
        chain: the classes held.
        scopes: the allocation scopes it is in, as bits of :class:`~.gfp.Scope`.
    """

    __slots__ = ("chain", "entries", "scopes")

    def __init__(self, root: Chain) -> None:
        self.entries: list[Entry] = []
        self.chain = root
        self.scopes = 0

    def find(self, lock: LockMap) -> Entry | None:
        """The youngest entry of ``lock``."""
        for entry in reversed(self.entries):
            if entry.lock is lock:
                return entry
        return None

    def remove(self, entry: Entry) -> None:
        """Take ``entry`` off, wherever it is, and find the chains of those above it anew.

        No rule is asked: an edge from below the removed lock is implied by the edges from and to it.
        """
        index = self.entries.index(entry)
        del self.entries[index]
        self.rechain(index, entry.before)

    def rechain(self, index: int, chain: Chain) -> None:
        """Give the entries from ``index`` on the chains they have on top of ``chain``."""
        for above in self.entries[index:]:
            if above.before is chain:
                return
            above.before = chain
            chain = chain.child(above.step, above.cls)
        self.chain = chain


@dataclass(frozen=True, slots=True)
class Held:
    """A held lock, as told to others."""

    lock: LockMap
    mode: Mode
    trylock: bool
    subclass_name: str
    sites: tuple[Site, ...]
    task: Hashable
