"""Lock classes: all locks that obey the same rules are one class, and order is learned per class (lockdep.md 1.1)."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from nova_async.errors import EINVAL


class Mode(IntEnum):
    """How a lock is taken; who blocks whom follows from it (lockdep.md 1.5)."""

    EXCLUSIVE = 0
    READ = 1
    """A reader that waits behind a queued writer (rwsem)."""
    RECURSIVE_READ = 2
    """A reader that overtakes queued writers, so that it may nest."""


class WaitType(IntEnum):
    """What a lock needs of, and leaves to, the code around it (lockdep.md 1.9)."""

    NONE = 0
    """Not checked: pseudo-locks."""
    FREE = 1
    """An RCU read section."""
    SPIN = 2
    """A raw spinlock: nothing may sleep under it."""
    CONFIG = 3
    """A spinlock that sleeps on a real-time kernel, but under which nothing else may."""
    SLEEP = 4
    """A mutex or rwsem."""


class Role(IntEnum):
    """What a class stands for."""

    LOCK = 0
    RECLAIM = 1
    NOTIFIER = 2
    FENCE = 3
    EVENT = 4
    """Not a lock and in no graph: it stands for an event where a finding tells a cycle."""


# A step of a chain is class and manner of taking in one int: the class index times 16, the mode, and these.
MODE_BITS = 3
TRYLOCK_STEP = 4
NEST_STEP = 8

InstanceOrder = Callable[["LockMap", "LockMap"], int]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known about a class before anybody takes it.

    Attributes:
        wait: what the lock needs of the code around it.
        fence_path: taken on the way to signalling a fence.
        no_reclaim: must not be held across an allocation that may reclaim.
        rank: its place in the table of locks; lower ranks are taken first. None: in no table.
        validate: False keeps it in the books but out of every rule.
        order: compares two instances (held, wanted); negative means that this order is the right one.
        owned: only the task that took it may release it, and must before it ends; a semaphore may be released by
            anybody.
    """

    wait: WaitType = WaitType.SLEEP
    fence_path: bool = False
    no_reclaim: bool = False
    rank: int | None = None
    validate: bool = True
    order: InstanceOrder | None = None
    owned: bool = True


_UNDECLARED = Declaration()


class LockClass:
    """One class; each subclass of a lock is a full class of its own.

    Attributes:
        index: a small number, in order of registration.
        name: as printed, with ``/n`` for subclass n.
        base: the first of the chain steps that belong to it.
        outer: the wait type it needs of the code around it.
        inner: the wait type it leaves to the code under it.
        role: what it stands for.
        primed: a lock whose place in the kernel's order was known at start (mmap_lock, dma_resv).
    """

    __slots__ = (
        "base",
        "check",
        "fence_path",
        "index",
        "inner",
        "name",
        "no_reclaim",
        "order",
        "outer",
        "owned",
        "primed",
        "rank",
        "role",
    )

    def __init__(self, index: int, name: str, declared: Declaration, role: Role = Role.LOCK) -> None:
        self.index = index
        self.name = name
        self.base = index * 16
        self.role = role
        self.primed = False
        self.declare(declared)

    def declare(self, declared: Declaration) -> None:
        """Take over what is known about the class."""
        self.outer = int(declared.wait)
        # An RCU read section allows spinlocks inside, although it needs less than they do itself.
        self.inner = int(WaitType.CONFIG if declared.wait is WaitType.FREE else declared.wait or WaitType.SLEEP)
        self.fence_path = declared.fence_path
        self.no_reclaim = declared.no_reclaim
        self.rank = declared.rank
        self.check = declared.validate
        self.order = declared.order
        self.owned = declared.owned

    def __repr__(self) -> str:
        return f"LockClass({self.name})"


class LockMap:
    """One lock, as the validator sees it.

    Attributes:
        cls: its class in subclass 0.
        instance: the name it is printed under.
        holders: how many entries on held stacks name it, waiting ones included.
        owner: who got it while others had asked for it too; None if nobody can be mistaken for its holder.
        pins: how many pins forbid its release.
        tag: anything an order function wants to compare.
    """

    __slots__ = ("cls", "holders", "instance", "owner", "pins", "subclasses", "tag")

    def __init__(self, classes: dict[int, LockClass], instance: str, tag: Any = None) -> None:
        self.cls = classes[0]
        self.subclasses = classes
        self.instance = instance
        self.holders = 0
        self.owner: Hashable = None
        self.pins = 0
        self.tag = tag

    def __repr__(self) -> str:
        return f"LockMap({self.instance}: {self.cls.name})"


class ClassTable:
    """Every class by name and subclass.

    Args:
        born: called with each new class.
    """

    SUBCLASSES = 8

    def __init__(self, born: Callable[[LockClass], None]) -> None:
        self._born = born
        self._declared: dict[str, Declaration] = {}
        self._classes: dict[str, dict[int, LockClass]] = {}
        self._count = 0

    def declare(self, name: str, declared: Declaration, role: Role = Role.LOCK) -> dict[int, LockClass]:
        """The subclasses of ``name``, made now if it is new.

        Raises:
            EINVAL: the class was declared before, and not like this.
        """
        known = self._declared.get(name)
        if known is None:
            self._declared[name] = declared
            self._classes[name] = {0: self._make(name, declared, role)}
        elif known != declared:
            self._redeclare(name, known, declared)
        return self._classes[name]

    def prime(self, name: str) -> dict[int, LockClass]:
        """A lock that the kernel's order knows before anybody declared it."""
        subclasses = self.declare(name, _UNDECLARED)
        subclasses[0].primed = True
        return subclasses

    def _redeclare(self, name: str, known: Declaration, declared: Declaration) -> None:
        """The first to declare a primed lock says what it is; but not that it is taken on the way to a signal."""
        classes = self._classes[name]
        if known != _UNDECLARED or not classes[0].primed or declared.fence_path:
            raise EINVAL(f"lock class {name!r}: declared as {declared}", expected=f"as before, {known}")
        self._declared[name] = declared
        for cls in classes.values():
            cls.declare(declared)

    def subclass(self, lock: LockMap, number: int) -> LockClass:
        """The class of ``lock`` in subclass ``number``.

        Raises:
            EINVAL: ``number`` is outside 0 to 7.
        """
        found = lock.subclasses.get(number)
        if found is None:
            if not 0 <= number < self.SUBCLASSES:
                raise EINVAL(f"lock {lock.instance}: subclass {number}", expected="0 to 7")
            name = lock.cls.name
            found = self._make(f"{name}/{number}", self._declared[name], lock.cls.role)
            found.primed = lock.cls.primed
            lock.subclasses[number] = found
        return found

    def _make(self, name: str, declared: Declaration, role: Role) -> LockClass:
        made = LockClass(self._count, name, declared, role)
        self._count += 1
        self._born(made)
        return made
