"""The kernel's capacity rule, on which hazards.md (a) rests."""

import pytest

from nova_async.errors import ENOMEM
from nova_async.kernel import Kernel
from nova_async.mm.published.kvec import KVec


async def test_reserve_is_nothing_while_the_spare_capacity_suffices(kernel: Kernel) -> None:
    vec: KVec[int] = KVec(kernel.memory, "vec")
    await vec.reserve(5)
    await vec.reserve(5)
    assert (vec.capacity, kernel.memory.allocations) == (5, 1)


async def test_reserve_grows_to_twice_the_capacity_or_to_what_is_needed(kernel: Kernel) -> None:
    vec: KVec[int] = KVec(kernel.memory, "vec")
    await vec.reserve(5)
    for item in range(5):
        vec.push_within_capacity(item)
    await vec.reserve(1)
    assert vec.capacity == 10
    await vec.reserve(30)
    assert vec.capacity == 35


async def test_a_full_vector_refuses_and_keeps_what_it_has(kernel: Kernel) -> None:
    vec: KVec[int] = KVec(kernel.memory, "vec")
    await vec.push(1)
    with pytest.raises(ENOMEM, match="capacity 1"):
        vec.push_within_capacity(2)
    await vec.push(3)
    assert list(vec) == [1, 3]
    assert (vec.take_all(), vec.capacity, len(vec)) == ([1, 3], 0, 0)
