"""Reclaim: what an allocation may run before it returns, and what the background reclaimer runs all the time.

Shrinkers run with the ``fs_reclaim`` pseudo-lock held and with PF_MEMALLOC set, so that reclaim never enters itself
(lockdep.md 2.1 and 2.3).
"""

from contextvars import ContextVar
from typing import Protocol

from nova_async.lockdep import Validator
from nova_async.point import observe_guarded

_memalloc: ContextVar[bool] = ContextVar("nova_async.memalloc", default=False)


class Shrinker(Protocol):
    """A cache that can give memory back."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    def count(self) -> int:
        """How many objects could be freed. Touches what decides on that, for the explorer."""
        ...

    async def scan(self, count: int) -> int:
        """Free up to ``count`` objects; return how many were freed."""
        ...


class Reclaim:
    """The shrinkers of one kernel."""

    batch = 128  # SHRINK_BATCH of mm/shrinker.c

    def __init__(self, lockdep: Validator) -> None:
        self._lockdep = lockdep
        self._shrinkers: list[Shrinker] = []

    def register(self, shrinker: Shrinker) -> None:
        """Let reclaim ask this cache from now on."""
        self._shrinkers.append(shrinker)

    def unregister(self, shrinker: Shrinker) -> None:
        """Ask it no more."""
        self._shrinkers.remove(shrinker)

    @property
    def running(self) -> bool:
        """Whether the calling task is inside reclaim."""
        return _memalloc.get()

    async def shrink(self) -> int:
        """One pass over all shrinkers; returns how many objects they freed."""
        token = _memalloc.set(True)
        try:
            with self._lockdep.reclaim():
                return await self._scan_all()
        finally:
            _memalloc.reset(token)

    async def _scan_all(self) -> int:
        freed = 0
        for shrinker in tuple(self._shrinkers):
            count = shrinker.count()
            observe_guarded(count)
            if count:
                freed += await shrinker.scan(self.batch)
        observe_guarded(freed)
        return freed
