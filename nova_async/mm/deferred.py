"""Frees that wait until they may take a buddy's lock.

Giving something back never awaits and never fails: it goes on this list, also in the fence path and while a task is
being cancelled. Draining takes it off, scrubs it, and frees it; whoever is outside the fence path drains.
"""

from collections.abc import Awaitable, Callable, Hashable

import anyio

from nova_async.errors import EINVAL, Errno
from nova_async.kernel import Kernel, Mutex
from nova_async.kernel.guarded import stateless
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.lock_order import DEFERRED
from nova_async.point import Access, forgetting, naming, observe, observe_guarded, share, touch

Free = Callable[[AllocatedBlocks], Awaitable[None]]


class DeferredFrees:
    """What was given back and is not free yet.

    Args:
        kernel: makes the lock.
        free: gives one allocation back to its allocator.
    """

    def __init__(self, kernel: Kernel, free: Free) -> None:
        self._free = free
        self._draining: Mutex[None] = kernel.mutex(DEFERRED, None, state=stateless, told=False)
        self._waiting: dict[AllocatedBlocks, None] = {}
        self._on_its_way: list[AllocatedBlocks] = []
        self._next = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._on_its_way)

    def __bool__(self) -> bool:
        waiting = bool(self._waiting) or self._draining.held
        touch("waiting frees")
        observe_guarded(waiting)
        return waiting

    def defer(self, allocated: AllocatedBlocks) -> None:
        """Give it back later.

        Raises:
            EINVAL: it was given back before.
        """
        if allocated.given_back:
            raise EINVAL(f"{allocated.buddy.name}: blocks of {allocated.owner} are given back twice")
        allocated.given_back = True
        self._wait(allocated)

    async def drain(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Free all that waits now. What cannot be freed because the device did not answer waits on.

        Args:
            first: gives more back before; whoever comes meanwhile waits for that as well.

        Raises:
            Errno: of the first free that failed; the others were done.
        """
        failed: list[Errno] = []
        with anyio.CancelScope(shield=True), forgetting():
            async with self._draining.lock():  # who drains next waits for what is on its way
                if first is not None:
                    await first()
                self._take_all()
                while self._on_its_way:
                    with forgetting():  # what is done is done
                        if naming() is not None:
                            observe_guarded(tuple(left.fingerprint() for left in self._on_its_way))
                        await self._free_one(self._on_its_way[-1], failed)
        if failed:
            observe(type(failed[0]).__name__)
            try:
                raise failed[0]
            finally:
                failed.clear()  # its traceback knows this frame: a circle that only Python's collector undoes

    async def kick(self) -> None:
        """Have all that waits freed soon: here, or by somebody who is about to begin.

        For the cleanup of jobs, which one worker does for many. If it queued up to drain for each of them, it would
        wait behind as many others as there are clients, and jobs would pile up behind it. Who makes work for this list
        should rather drain, and so wait: that is what keeps the list short.

        Raises:
            Errno: of the first free that failed here; the others were done.
        """
        observe(self._next)
        if not self._next:
            self._set_next(next_waits=True)
            await self.drain(first=self._begin)

    async def _begin(self) -> None:
        """Whoever comes from now on may have brought something that this drain does not see."""
        self._set_next(next_waits=False)

    def _set_next(self, *, next_waits: bool) -> None:
        self._next = next_waits
        share("next drain", next_waits)

    def _take_all(self) -> None:
        """In one step, so that whoever gives something back meanwhile has nothing to do with this drain."""
        self._on_its_way = sorted(self._waiting, key=_name_of, reverse=True)
        self._waiting.clear()
        share("waiting frees", self._name_state)

    async def _free_one(self, allocated: AllocatedBlocks, failed: list[Errno]) -> None:
        try:
            await self._free(allocated)
        except Errno as error:
            self._wait(allocated)
            failed.append(error)
            observe(type(error).__name__)
        self._on_its_way.pop()

    def _wait(self, allocated: AllocatedBlocks) -> None:
        self._waiting[allocated] = None
        share("waiting frees", self._name_state, Access.ADD)

    def _name_state(self) -> Hashable:
        return frozenset(allocated.fingerprint() for allocated in self._waiting)


def _name_of(allocated: AllocatedBlocks) -> tuple[str, str, str, int]:
    """By owner and age, so that it does not matter whose turn it was to give back."""
    return allocated.name
