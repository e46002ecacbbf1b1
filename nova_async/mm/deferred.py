"""Frees that wait until they may take a buddy's lock.

Giving something back never awaits and never fails: it goes on this list, also in the fence path and while a task is
being cancelled. Draining takes it off, scrubs it, and frees it; whoever is outside the fence path drains.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile

import anyio

from nova_async.errors import EINVAL, Errno
from nova_async.kernel import Kernel, Mutex
from nova_async.kernel.guarded import stateless
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.lock_order import DEFERRED
from nova_async.mm.observer import Observer
from nova_async.operation import Access
from nova_async.point import forgetting, naming, observe_guarded, share, touch

Scrub = Callable[[AllocatedBlocks], Awaitable[None]]

FREES_PER_HOLD = 64
"""How many allocations one hold of a buddy's lock takes back, before whoever wants to allocate gets a turn."""


class DeferredFrees:
    """What was given back and is not free yet.

    Args:
        kernel: makes the lock.
        scrub: makes an allocation fit to be anybody's.
        observers: who is told of what is given back.
    """

    def __init__(self, kernel: Kernel, scrub: Scrub, observers: Sequence[Observer] = ()) -> None:
        self._scrub = scrub
        self._observers = observers
        self._draining: Mutex[None] = kernel.mutex(DEFERRED, None, state=stateless, told=False)
        self._waiting: dict[AllocatedBlocks, None] = {}
        self._taken: list[AllocatedBlocks] = []
        self._scrubbed: list[AllocatedBlocks] = []
        self._next = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken) + len(self._scrubbed)

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
        for observer in self._observers:
            observer.blocks_given_back(allocated)
        self._wait(allocated)

    async def drain(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Free all that waits now. What cannot be scrubbed because the device did not answer waits on.

        Args:
            first: gives more back before; whoever comes meanwhile waits for that as well.

        Raises:
            Errno: of the first that could not be scrubbed; the others are free.
        """
        failed: list[Errno] = []
        with anyio.CancelScope(shield=True), forgetting():
            async with self._draining.lock():  # who drains next waits for what is on its way
                if first is not None:
                    await first()
                self._take_all()
                while self._taken:
                    with self._done_is_done():
                        await self._scrub_one(self._taken[-1], failed)
                while self._scrubbed:
                    with self._done_is_done():
                        await self._free_some()
        if failed:
            observe_guarded(type(failed[0]).__name__)
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
            Errno: of the first that could not be scrubbed here; the others are free.
        """
        touch("next drain")
        observe_guarded(self._next)
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
        self._taken = sorted(self._waiting, key=_name_of, reverse=True)
        self._waiting.clear()
        share("waiting frees", self._name_state)

    async def _scrub_one(self, allocated: AllocatedBlocks, failed: list[Errno]) -> None:
        try:
            await self._scrub(allocated)
        except Errno as error:
            self._wait(allocated)
            failed.append(error)
            observe_guarded(type(error).__name__)
        else:
            self._scrubbed.append(allocated)
        self._taken.pop()

    async def _free_some(self) -> None:
        """In one hold, as the kernel frees lists of blocks: all that are one allocator's, up to a bound."""
        buddy = self._scrubbed[-1].buddy
        same = takewhile(lambda allocated: allocated.buddy is buddy, reversed(self._scrubbed))
        some = tuple(islice(same, FREES_PER_HOLD))
        await buddy.free(*some)
        del self._scrubbed[-len(some) :]

    @contextmanager
    def _done_is_done(self) -> Iterator[None]:
        """Where a drain stands follows from what is left to do."""
        with forgetting():
            if naming() is not None:
                left = (self._taken, self._scrubbed)
                observe_guarded(tuple(tuple(allocated.fingerprint() for allocated in part) for part in left))
            yield

    def _wait(self, allocated: AllocatedBlocks) -> None:
        self._waiting[allocated] = None
        share("waiting frees", self._name_state, Access.ADD)

    def _name_state(self) -> Hashable:
        return frozenset(allocated.fingerprint() for allocated in self._waiting)


def _name_of(allocated: AllocatedBlocks) -> tuple[str, str, str, int]:
    """By owner and age, so that it does not matter whose turn it was to give back."""
    return allocated.name
