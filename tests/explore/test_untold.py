"""What somebody depends on and nobody tells: a search that leaves orders out is not complete then, and says why."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from nova_async.explore import explore
from nova_async.explore.loop import JOINED
from nova_async.explore.primitives import Flag
from nova_async.explore.strategies import Exhaustive
from nova_async.explore.watched import CANCELLED_BEFORE


async def waits_for_one_task() -> None:
    flag = Flag("flag")
    task = asyncio.ensure_future(flag.set())
    await task


async def cancels_before() -> None:
    scope, flag = anyio.CancelScope(), Flag("flag")

    async def works() -> None:
        await flag.wait()
        with scope:
            await Flag("never").wait()

    async with anyio.create_task_group() as group:
        group.start_soon(works)
        scope.cancel()
        await flag.set()


@pytest.mark.parametrize(("program", "why"), [(waits_for_one_task, JOINED), (cancels_before, CANCELLED_BEFORE)])
def test_a_search_that_leaves_orders_out_says_what_it_cannot_know(
    program: Callable[[], Awaitable[None]], why: str
) -> None:
    assert explore(program, strategy=Exhaustive(persistent_sets=True)).incomplete_because == (why,)
    assert explore(program, strategy=Exhaustive()).complete
