"""hazards.md (b): two windows over one register, each rule as the one order of operations that shows it.

A window's operations are: read the register when it is made; move, if it believes it must; the access; move back when
it is dropped, if it believes it must.
"""

from collections.abc import Awaitable, Callable

import pytest

from nova_async.address import MIB
from nova_async.hw.bar0 import Bar0
from nova_async.mm import Gpu
from nova_async.mm.observer import Observer
from nova_async.mm.v6 import Devres, Window

InOrder = Callable[..., Awaitable[None]]
A, B = 1 * MIB, 2 * MIB


@pytest.fixture
def bar(january: Gpu) -> Devres:
    return Devres(january.board.bar0)


def word(gpu: Gpu, address: int) -> int:
    return gpu.board.vram.read(address, 8)


async def test_1_an_access_lands_where_the_other_window_points_even_on_one_cpu(january: Gpu, bar: Devres) -> None:
    january.board.vram.write(A + 8, 8, 0xA)
    january.board.vram.write(B + 8, 8, 0xB)
    async with Window(bar) as first, Window(bar) as second:
        await first.try_write64(A, 1)
        await second.try_write64(B, 2)
        assert await first.try_read64(A + 8) == 0xB
        await first.try_write64(A + 8, 0xC)
    assert (word(january, A + 8), word(january, B + 8)) == (0xA, 0xC)


async def test_2_a_move_between_move_and_access_takes_the_access_along(
    january: Gpu, bar: Devres, in_order: InOrder
) -> None:
    async def write(address: int, value: int) -> None:
        async with Window(bar) as window:
            await window.try_write64(address, value)

    #         make both, P moves, Q moves, P writes at Q's place and restores, Q writes at the restored place
    await in_order("PQ P Q PP QQ", P=lambda: write(A, 0xA), Q=lambda: write(B, 0xB))
    assert (word(january, A), word(january, B)) == (0, 0xA)
    assert word(january, 0) == 0xB


async def test_2_the_same_two_writers_one_after_the_other_are_right(
    january: Gpu, bar: Devres, in_order: InOrder
) -> None:
    async def write(address: int, value: int) -> None:
        async with Window(bar) as window:
            await window.try_write64(address, value)

    await in_order("PPPPQQQQ", P=lambda: write(A, 0xA), Q=lambda: write(B, 0xB))
    assert (word(january, A), word(january, B)) == (0xA, 0xB)


async def test_3_a_drop_moves_the_window_away_under_the_other(january: Gpu, bar: Devres) -> None:
    first = await Window(bar).__aenter__()
    async with Window(bar) as second:
        await first.try_write64(A, 1)
        await second.try_write64(B, 2)
        await first.__aexit__(None, None, None)
        assert january.board.bar0.window.base == 0
        await second.try_write64(B + 8, 3)
    assert (word(january, B + 8), word(january, 8)) == (0, 3)


async def test_4_a_window_made_while_another_was_away_restores_that_place_for_good(january: Gpu, bar: Devres) -> None:
    first = await Window(bar).__aenter__()
    await first.try_write64(A, 1)
    second = await Window(bar).__aenter__()  # saves A
    await second.try_write64(B, 2)
    await first.__aexit__(None, None, None)
    assert january.board.bar0.window.base == 0
    await second.__aexit__(None, None, None)
    assert january.board.bar0.window.base == A


async def test_4_dropped_in_the_reverse_order_the_original_base_comes_back(january: Gpu, bar: Devres) -> None:
    async with Window(bar) as first:
        await first.try_write64(A, 1)
        async with Window(bar) as second:
            await second.try_write64(B, 2)
    assert january.board.bar0.window.base == 0


async def test_5_a_window_that_is_where_it_began_restores_nothing_though_the_register_moved(
    january: Gpu, bar: Devres
) -> None:
    second = await Window(bar).__aenter__()
    async with Window(bar) as first:
        await first.try_write64(8, 1)  # on the line where it began
        await second.try_write64(B, 2)
        moves = january.board.traffic.window_writes
    assert january.board.traffic.window_writes == moves
    assert january.board.bar0.window.base == B


class Beliefs(Observer):
    """Where windows believed to be at each access, and where the register was."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def window_used(self, bar0: Bar0, base: int) -> None:
        self.seen.append((base, bar0.window.base))


async def test_observers_are_told_the_believed_base_at_the_moment_of_each_access(
    january: Gpu, in_order: InOrder
) -> None:
    beliefs = Beliefs()
    bar = Devres(january.board.bar0, observers=[beliefs])

    async def write(address: int) -> None:
        async with Window(bar) as window:
            await window.try_write64(address, 1)

    await in_order("PQ P Q PP QQ", P=lambda: write(A), Q=lambda: write(B))
    assert beliefs.seen == [(A, B), (B, 0)]
