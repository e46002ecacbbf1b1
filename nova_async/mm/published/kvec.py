"""The kernel's vector, as far as the driver leans on it: when it grows, and by how much."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from nova_async.errors import ENOMEM
from nova_async.kernel.memory import HostMemory
from nova_async.lockdep import Gfp

T = TypeVar("T")


class KVec(Generic[T]):
    """A vector with the kernel's capacity rule (kvec.rs).

    Args:
        memory: where it grows.
        name: for reports.

    Attributes:
        capacity: how many elements fit without an allocation.
    """

    __slots__ = ("_items", "_memory", "_name", "capacity")

    def __init__(self, memory: HostMemory, name: str) -> None:
        self._memory = memory
        self._name = name
        self._items: list[T] = []
        self.capacity = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    async def reserve(self, additional: int) -> None:
        """Have room for ``additional`` more: nothing if there is, else twice the capacity or what is needed.

        Room that another caller reserved and has not used yet counts as there (hazards.md a).

        Raises:
            ENOMEM: no host memory.
        """
        needed = len(self._items) + additional
        if needed <= self.capacity:
            return
        await self._memory.alloc(Gfp.KERNEL, f"{self._name}: vector")
        self.capacity = max(2 * self.capacity, needed)

    async def push(self, item: T) -> None:
        """Append, growing if it must.

        Raises:
            ENOMEM: no host memory.
        """
        await self.reserve(1)
        self._items.append(item)

    def push_within_capacity(self, item: T) -> None:
        """Append without allocating.

        Raises:
            ENOMEM: the vector is full; the caller still has the item.
        """
        if len(self._items) >= self.capacity:
            raise ENOMEM(f"{self._name}: a vector of capacity {self.capacity}", expected="a free place")
        self._items.append(item)

    def take_all(self) -> list[T]:
        """Empty it; its capacity goes with its elements."""
        items, self._items, self.capacity = self._items, [], 0
        return items
