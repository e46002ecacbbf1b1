"""MMU interval notifiers: who mirrors a process's memory is told before its pages go away.

The mirror collects pages, prepares, and looks once more before it commits whether they were invalidated meanwhile;
what happens in between is known by a sequence number (``mmu_interval_read_begin`` and ``_retry``, lockdep.md 2.5, 3.6).
The callback runs wherever pages can go away, in reclaim too: it must not allocate with reclaim, and take no lock under
which anybody does. Waiting for fences is allowed there, and needed: the GPU may be using the pages.
"""

from collections.abc import Awaitable, Callable

import anyio

from nova_async.lockdep import Validator
from nova_async.operation import Kind, Operation, Sleepers
from nova_async.point import observe_guarded, point, share, touch


class MmuIntervalNotifier:
    """One mirrored range.

    Args:
        lockdep: who is told of notifier context.
        name: for reports.
        invalidate: the driver's callback: bump the sequence under the driver's lock by :meth:`set_seq`, wait until
            nobody uses the pages, and unmap them. It must not fail.
    """

    def __init__(self, lockdep: Validator, name: str, invalidate: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._lockdep = lockdep
        self._invalidate = invalidate
        self._seq = 0
        self._running = 0
        self._sleepers = Sleepers(in_turn=False)
        self._quiet = Operation(Kind.WAIT, name, self._is_quiet, self._sleepers)
        self._look = Operation(Kind.READ, name)
        self._start = Operation(Kind.WRITE, name)
        self._end = Operation(Kind.SIGNAL, name)

    async def read_begin(self) -> int:
        """The sequence number to hand to :meth:`read_retry`; waits for an invalidation that is under way."""
        self._lockdep.might_lock(self._lockdep.contexts.notifier)
        while not await self._looks_quiet():
            await point(self._quiet)
        observe_guarded(self._seq)
        return self._seq

    async def _looks_quiet(self) -> bool:
        """Look, and do not wait: an operation that others can make impossible again cannot be put in another order."""
        await point(self._look)
        quiet = self._is_quiet()
        observe_guarded(quiet)
        return quiet

    def read_retry(self, seq: int) -> bool:
        """Whether the pages were invalidated since; ask under the driver's lock, and commit before it is released."""
        touch(self.name)
        observe_guarded(self._seq)
        return self._seq != seq

    def set_seq(self) -> None:
        """From now on whoever began before has to retry; call it under the driver's lock."""
        self._seq += 1
        self._changed()

    async def invalidate_range(self) -> None:
        """The pages are about to go away; when this returns the mirror has forgotten them. Cannot be cancelled."""
        with anyio.CancelScope(shield=True), self._lockdep.notifier():
            await point(self._start)
            self._running += 1
            self._changed()
            try:
                await self._invalidate()
            finally:
                await point(self._end)
                self._running -= 1
                self._changed()
                self._sleepers.wake_all()

    def _is_quiet(self) -> bool:
        return not self._running

    def _changed(self) -> None:
        share(self.name, (self._seq, self._running))
