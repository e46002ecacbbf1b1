"""Locks used wrongly: released by the wrong task, freed while held, kept past the end of a task.

All of these are NOVA103, *the lock is not held the way this needs*, but for a task that ends: NOVA104.
"""

from collections.abc import Hashable, Mapping

from nova_async.lockdep.classes import LockMap, Mode
from nova_async.lockdep.held import Entry, HeldStack
from nova_async.lockdep.telling import Scene, Teller, manner


class Misuse:
    """Judges what needs no graph.

    Args:
        stacks: what each task holds.
        waiting: which lock each waiting task waits for.
    """

    def __init__(
        self,
        stacks: Mapping[Hashable, HeldStack],
        waiting: Mapping[Hashable, LockMap],
        teller: Teller,
    ) -> None:
        self._stacks = stacks
        self._waiting = waiting
        self._tell = teller
        self._pins: dict[int, LockMap] = {}
        self._cookies = 0

    def holder(self, lock: LockMap) -> Hashable | None:
        """The task that has ``lock``; None if nobody does."""
        if not lock.holders:
            return None
        if lock.owner is not None:
            return lock.owner
        for task, stack in self._stacks.items():
            if self._waiting.get(task) is not lock and stack.find(lock) is not None:
                return task
        return None

    def release(self, scene: Scene, lock: LockMap) -> Hashable | None:
        """Judge a release that is not of the youngest lock; the task whose stack has it."""
        if lock.pins:
            self.bad(scene, f"releases {lock.instance}, which is pinned", lock)
        if scene.stack.find(lock) is not None:
            return scene.task
        owner = self.holder(lock)
        if not lock.cls.owned:
            lock.cls.check = False  # released by whoever comes along, it is no lock but a signal
        elif owner is None:
            self.bad(scene, f"releases {lock.instance}, which nobody holds", lock)
        else:
            message = f"releases {lock.instance}, which {self._tell.task(owner)} holds"
            self._tell.direct("NOVA103", scene, message, (lock,), others=(owner,))
        return owner

    def downgrade(self, scene: Scene, lock: LockMap, entry: Entry | None) -> None:
        """A downgrade of what is not held exclusively."""
        how = "does not hold" if entry is None else "holds for reading already"
        self.bad(scene, f"downgrades {lock.instance}, which it {how}", lock)

    def ended(self, scene: Scene) -> None:
        """A task ended with locks."""
        kept = [entry for entry in scene.stack.entries if entry.cls.owned]
        if not kept:
            return
        locks = tuple(entry.lock for entry in kept)
        doing = " and ".join(manner(entry) for entry in kept)
        self._tell.direct("NOVA104", scene, f"ended while it {doing}", locks)

    def gone(self, scene: Scene, lock: LockMap, verb: str) -> None:
        """A lock is freed or initialised under its holder."""
        owner = self.holder(lock)
        if owner is None:
            return
        who = "it holds" if owner == scene.task else f"{self._tell.task(owner)} holds"
        message = f"{verb} {lock.instance}, which {who}"
        others = () if owner == scene.task else (owner,)
        self._tell.direct("NOVA103", scene, message, (lock,), others=others)

    def assert_held(self, scene: Scene, lock: LockMap, mode: Mode | None) -> None:
        """The caller promised to hold ``lock``."""
        entry = scene.stack.find(lock)
        if entry is None:
            self.bad(scene, f"must hold {lock.instance} here, and does not", lock)
        elif mode is not None and (mode == Mode.EXCLUSIVE) != (entry.mode == Mode.EXCLUSIVE):
            how = "exclusively" if mode == Mode.EXCLUSIVE else "for reading"
            self.bad(scene, f"must hold {lock.instance} {how} here, and does not", lock)

    def pin(self, scene: Scene, lock: LockMap) -> int:
        """Forbid the release of a lock that must be held."""
        if scene.stack.find(lock) is None:
            self.bad(scene, f"pins {lock.instance}, which it does not hold", lock)
        self._cookies += 1
        self._pins[self._cookies] = lock
        lock.pins += 1
        return self._cookies

    def unpin(self, scene: Scene, lock: LockMap, cookie: int) -> None:
        """Give a cookie back."""
        if self._pins.get(cookie) is not lock:
            self.bad(scene, f"unpins {lock.instance} with cookie {cookie}, which is none of its", lock)
            return
        del self._pins[cookie]
        lock.pins -= 1

    def bad(self, scene: Scene, message: str, lock: LockMap) -> None:
        """A lock is not held, or not in the state, that this needs."""
        self._tell.direct("NOVA103", scene, message, (lock,))
