"""The driver's lock table against what tasks did: the table is what everybody reads, so it has to be true."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nova_async.kernel.core import LockRow
from nova_async.lockdep import Gfp, LockMap, Mode, Tasks, Validator
from nova_async.lockdep.gfp import NOTIFIES, effect
from nova_async.lockdep.places import SKIPPED


@dataclass(slots=True)
class LockUse:
    """What was seen of lock classes, by name. The runs of several scenarios add up.

    Attributes:
        acquisitions: how often each was taken.
        under: how often each (taken, held) was seen; without trylocks, which cannot block.
        signalling: how often each was taken in a fence-signalling section.
        reclaim: how often a reclaimable allocation happened under each.
    """

    acquisitions: Counter[str] = field(default_factory=Counter)
    under: Counter[tuple[str, str]] = field(default_factory=Counter)
    signalling: Counter[str] = field(default_factory=Counter)
    reclaim: Counter[str] = field(default_factory=Counter)


class Watcher(Validator):
    """A validator that keeps count of how locks are used.

    The graph of a plain validator does not say it: it knows a class of the fence path before anybody took it.

    Args:
        tasks: who runs.
        use: is added to.
    """

    def __init__(self, tasks: Tasks, use: LockUse) -> None:
        super().__init__(tasks, skip=(*SKIPPED, "nova_async/checks/lock_table.py"))
        self._use = use

    def acquire(
        self,
        lock: LockMap,
        mode: Mode = Mode.EXCLUSIVE,
        *,
        trylock: bool = False,
        subclass: int = 0,
        nest: LockMap | None = None,
    ) -> None:
        """As every validator, and count it."""
        taken = lock.cls.name
        self._use.acquisitions[taken] += 1
        self._use.signalling[taken] += self.in_signalling
        if not trylock:
            self._use.under.update((taken, held) for held in self._held_classes())
        super().acquire(lock, mode, trylock=trylock, subclass=subclass, nest=nest)

    def might_alloc(self, gfp: Gfp, what: str = "") -> None:
        """As every validator, and count it under each lock that is held."""
        stack = self._stacks.get(self._current())
        if stack is not None and effect(int(gfp), stack.scopes) >= NOTIFIES:
            self._use.reclaim.update(self._held_classes())
        super().might_alloc(gfp, what)

    def _held_classes(self) -> set[str]:
        stack = self._stacks.get(self._current())
        return {entry.lock.cls.name for entry in (stack.entries if stack is not None else ())}


@dataclass(frozen=True, slots=True)
class RowUse:
    """One row of the table, and what was seen of its lock.

    Attributes:
        row: as declared.
        acquisitions: how often it was taken.
        under: the locks of the table it was taken under, in their order.
        signalling: it was taken in a fence-signalling section.
        reclaim: a reclaimable allocation happened under it.
        contradictions: what the row does not allow and was seen, in words.
    """

    row: LockRow
    acquisitions: int
    under: tuple[str, ...]
    signalling: bool
    reclaim: bool
    contradictions: tuple[str, ...]

    @property
    def exercised(self) -> bool:
        """Whether anybody took it."""
        return self.acquisitions > 0

    @property
    def verdict(self) -> str:
        """``agrees``, ``not exercised``, or the contradictions."""
        return "; ".join(self.contradictions) or ("agrees" if self.exercised else "not exercised")


def compare(table: Sequence[LockRow], use: LockUse) -> tuple[RowUse, ...]:
    """Each row beside what was seen of it, in the order of the table."""
    return tuple(_compare_row(row, table, use) for row in table)


def _compare_row(row: LockRow, table: Sequence[LockRow], use: LockUse) -> RowUse:
    held = [other for other in table if use.under[row.name, other.name]]
    signalling, reclaim = bool(use.signalling[row.name]), bool(use.reclaim[row.name])
    contradictions = [f"taken under {other.name}, order {other.order}" for other in held if other.order > row.order]
    if signalling and not row.fence_path:
        contradictions.append("taken in a fence-signalling section")
    if reclaim and not row.reclaim_under:
        contradictions.append("held across a reclaimable allocation")
    names = tuple(other.name for other in held)
    return RowUse(row, use.acquisitions[row.name], names, signalling, reclaim, tuple(contradictions))
