"""What a buddy takes back, and what its allocations are called where states are told apart."""

from collections.abc import Awaitable, Callable, Hashable

import anyio
import pytest

from nova_async.address import KIB, PAGE_SIZE
from nova_async.errors import EINVAL
from nova_async.explore import Result, explore
from nova_async.explore.strategies import Exhaustive
from nova_async.kernel import Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of
from nova_async.mm.gpu_buddy import AllocatedBlocks, GpuBuddy
from nova_async.point import forgetting
from nova_async.runtime import Naming

Program = Callable[[], Awaitable[Hashable]]


def make_buddy(kernel: Kernel, name: str = "vram") -> GpuBuddy:
    return GpuBuddy(kernel, name, 64 * KIB)


async def page(buddy: GpuBuddy, owner: str = "client") -> AllocatedBlocks:
    return await buddy.alloc_blocks(PAGE_SIZE, owner=owner)


def explored(program: Program, naming: Naming = Naming.BIRTH) -> Result:
    result = explore(program, strategy=Exhaustive(naming=naming))
    assert result.failures == ()
    assert result.complete
    return result


def explored_buddy() -> GpuBuddy:
    return make_buddy(Kernel(Validator(tasks_of("asyncio"))))


async def test_where_one_of_several_is_not_live_nothing_is_taken_back(kernel: Kernel) -> None:
    buddy = make_buddy(kernel)
    kept, gone = await page(buddy), await page(buddy)
    await buddy.free(gone)
    before = await buddy.avail()
    for returned in ((kept, gone), (gone, kept)):
        with pytest.raises(EINVAL, match="not allocated here"):
            await buddy.free(*returned)
        assert (kept.live, buddy.live, await buddy.avail()) == (True, 1, before)
    await buddy.free(kept)
    assert (kept.live, buddy.live, await buddy.avail()) == (False, 0, buddy.size)


async def test_where_one_of_several_is_anothers_nothing_is_taken_back(kernel: Kernel) -> None:
    buddy, other = make_buddy(kernel), make_buddy(kernel, "other")
    kept, foreign = await page(buddy), await page(other)
    with pytest.raises(EINVAL, match="not allocated here"):
        await buddy.free(kept, foreign)
    assert (buddy.live, other.live) == (1, 1)


async def test_several_are_taken_back_at_once(kernel: Kernel) -> None:
    buddy = make_buddy(kernel)
    await buddy.free(*[await page(buddy) for _ in range(5)])
    assert (buddy.live, await buddy.free_runs()) == (0, [(0, buddy.size)])


@pytest.mark.parametrize("naming", list(Naming))
def test_what_a_task_has_forgotten_shares_its_name_with_nothing_it_makes_later(naming: Naming) -> None:
    async def program() -> Hashable:
        buddy = explored_buddy()
        made: list[AllocatedBlocks] = []
        for _ in range(3):
            with forgetting():
                made.append(await page(buddy))
        made.append(await page(buddy))
        return len({allocated.name for allocated in made})

    assert set(explored(program, naming).outcomes) == {"4"}


def test_a_name_is_free_again_when_what_had_it_is() -> None:
    async def program() -> Hashable:
        buddy = explored_buddy()
        with forgetting():
            first = await page(buddy)
            await buddy.free(first)
        return (await page(buddy)).name == first.name

    assert set(explored(program).outcomes) == {"True"}


def test_what_was_renamed_leaves_its_name_to_others_and_none_that_are_live_share_one() -> None:
    async def program() -> Hashable:
        buddy = explored_buddy()
        with forgetting():
            first = await page(buddy)
        born = first.name
        buddy.rename(first, "somewhere")
        with forgetting():
            second = await page(buddy)
        third = await page(buddy)
        buddy.rename(first)
        return second.name == born, first.name[2] != "somewhere", len({each.name for each in (first, second, third)})

    assert set(explored(program).outcomes) == {"(True, True, 3)"}


def test_names_do_not_depend_on_who_was_first() -> None:
    async def program() -> Hashable:
        buddy = explored_buddy()
        made: dict[str, tuple[AllocatedBlocks, AllocatedBlocks]] = {}

        async def allocate(name: str) -> None:
            made[name] = await page(buddy, name), await page(buddy, name)

        async with anyio.create_task_group() as tasks:
            for name in ("a", "b"):
                tasks.start_soon(allocate, name, name=name)
        return tuple(sorted(each.name for pair in made.values() for each in pair))

    assert len(explored(program).outcomes) == 1
