"""The reservations of all buffers of a job, locked in whatever order they are named (``drm_exec``)."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from nova_async.errors import EDEADLK
from nova_async.kernel.dma_resv import DmaResv, ResvGuard
from nova_async.kernel.ww_mutex import WwClass, WwContext

T = TypeVar("T")


class DrmExec(Generic[T]):
    """Holds the locks for the length of an ``async with``, and gives way as often as it has to.

    Args:
        cls: the wound/wait class of the reservations.
        name: of the job, for reports.
        resvs: one that is named twice is locked once.

    Attributes:
        back_offs: how often it had to let go of everything and begin again.
    """

    def __init__(self, cls: WwClass, name: str, resvs: Sequence[DmaResv[T]]) -> None:
        self.back_offs = 0
        self._resvs = tuple(dict.fromkeys(resvs))
        self._context: WwContext = cls.transaction(name)
        self._guards: dict[DmaResv[T], ResvGuard[T]] = {}

    def __getitem__(self, resv: DmaResv[T]) -> ResvGuard[T]:
        return self._guards[resv]

    def __iter__(self) -> Iterator[ResvGuard[T]]:
        """The guards, in the order in which the reservations were named."""
        return (self._guards[resv] for resv in self._resvs)

    async def __aenter__(self) -> Self:
        await self._context.__aenter__()
        try:
            await self._lock_all()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        self._context.done()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlock_all()
        await self._context.__aexit__(kind, error, trace)

    async def reserve_fences(self, slots: int = 1) -> None:
        """Make room for so many fences on each buffer.

        Raises:
            ENOMEM: no host memory.
        """
        for guard in self:
            await guard.reserve_fences(slots)

    async def _lock_all(self) -> None:
        contended: DmaResv[T] | None = None
        while len(self._guards) < len(self._resvs):
            if contended is not None:
                self._guards[contended] = await contended.lock_slow(self._context)
            contended = await self._lock_the_rest()
            if contended is not None:
                self.back_offs += 1
                self._unlock_all()

    async def _lock_the_rest(self) -> DmaResv[T] | None:
        """The one that it has to give way at; None if it has all."""
        for resv in self._resvs:
            if resv not in self._guards:
                try:
                    self._guards[resv] = await resv.lock(self._context)
                except EDEADLK:
                    return resv
        return None

    def _unlock_all(self) -> None:
        for guard in reversed(tuple(self._guards.values())):
            guard.unlock()
        self._guards.clear()
