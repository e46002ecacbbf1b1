"""Exhaustive search by states."""

from collections.abc import Awaitable, Callable, Hashable

import anyio
import pytest

from nova_async.errors import UsageError
from nova_async.explore import explore, pick, programs, share
from nova_async.explore.primitives import Cell
from nova_async.explore.state import Digest, hash_value
from nova_async.explore.strategies import Exhaustive
from nova_async.explore.strategies.stateful import HIDDEN, UNLIKE
from nova_async.operation import Kind, Operation
from nova_async.point import point


def test_critical_sections_meet_in_few_states() -> None:
    # Each task at one of 3r + 1 places, and at most one of them inside: (3r + 1)^2 - (2r)^2, less the end.
    result = explore(programs.sections(2, 10))
    assert result.complete
    assert result.states == 31**2 - 20**2 - 1


@pytest.mark.nightly
def test_two_tasks_with_fifty_sections_each_take_seconds() -> None:
    result = explore(programs.sections(2, 50))
    assert (result.complete, result.states) == (True, 12_800)


@pytest.mark.nightly
def test_three_tasks_with_twenty_sections_each_take_seconds() -> None:
    result = explore(programs.sections(3, 20))
    assert (result.complete, result.states) == (True, 62_180)


def two_writers(*, told: bool) -> Callable[[], Awaitable[Hashable]]:
    """The last one to write wins; nothing but the cell's own value tells who that was."""

    async def program() -> Hashable:
        x = Cell("x", 0, told=told)

        async def writer(number: int) -> None:
            await x.write(number)

        async with anyio.create_task_group() as group:
            group.start_soon(writer, 1)
            group.start_soon(writer, 2)
        return await x.read()

    return program


def test_a_variable_hidden_from_the_hash_is_told_on_by_the_modes_that_do_not_use_it() -> None:
    hidden = two_writers(told=False)
    exhaustive = explore(hidden, strategy="exhaustive")
    assert len(exhaustive.outcomes) == 1  # wrong, and it cannot know
    for strategy in ("dfs", "dpor"):
        assert set(explore(hidden, strategy=strategy).outcomes) == {"1", "2"}
    assert set(explore(two_writers(told=True), strategy="exhaustive").outcomes) == {"1", "2"}


def test_hidden_state_that_decides_who_can_run_is_noticed() -> None:
    async def program() -> None:
        turn = 0

        async def task(number: int) -> None:
            nonlocal turn
            await x.write(0)
            turn = number
            await point(Operation(Kind.WAIT, "turn", lambda: turn != number))
            turn = 0

        x = Cell("x", 0)
        async with anyio.create_task_group() as group:
            group.start_soon(task, 1)
            group.start_soon(task, 2)

    result = explore(program)
    assert not result.complete
    assert HIDDEN in result.incomplete_because


def test_what_an_ended_task_was_told_tells_states_apart_unless_it_may_be_forgotten() -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)
        seen: list[int] = []

        async def reads() -> None:
            seen.append(await x.read())

        async def writes() -> None:
            await x.write(1)
            await x.write(0)
            await x.write(0)

        async with anyio.create_task_group() as group:
            group.start_soon(reads)
            group.start_soon(writes)
        return tuple(seen)

    kept = explore(program, strategy=Exhaustive())
    forgotten = explore(program, strategy=Exhaustive(forget_ended=True))
    assert set(kept.outcomes) == {"(0,)", "(1,)"}
    assert forgotten.states < kept.states


def test_a_bound_on_preemptions_is_named_and_never_complete() -> None:
    result = explore(programs.lost(2), preemptions=0)
    assert not result.complete
    assert result.incomplete_because == ("orders with more than 0 preemptions were left out (preemptions)",)
    assert set(result.outcomes) == {"2"}
    assert set(explore(programs.lost(2), preemptions=1).outcomes) == {"1", "2"}


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_within_a_bound_it_sees_what_plain_search_sees(bound: int) -> None:
    for program in (programs.lost(3), programs.philosophers(3), programs.counter(2, 2)):
        plain = explore(program, strategy="dfs", preemptions=bound)
        assert set(explore(program, preemptions=bound).outcomes) == set(plain.outcomes)


def test_data_choices_are_all_made() -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)
        first = pick(2)
        await x.read()
        return first, pick(3)

    for strategy in ("exhaustive", "dfs", "dpor", "source-dpor"):
        result = explore(program, strategy=strategy)
        assert result.complete
        assert len(result.outcomes) == 6


def test_a_wait_that_is_no_point_makes_states_doubtful() -> None:
    async def program() -> Hashable:
        send, receive = anyio.create_memory_object_stream[int](0)
        received: list[int] = []

        async def sends() -> None:
            await send.send(1)

        async with anyio.create_task_group() as group, send, receive:
            group.start_soon(sends)
            received.append(await receive.receive())
        return tuple(received)

    for strategy in ("exhaustive", "dpor"):
        result = explore(program, strategy=strategy)
        assert not result.complete
        assert "waited for something that is no point" in result.incomplete_because[0]
    assert explore(program, strategy="dfs").complete


def test_states_need_points() -> None:
    with pytest.raises(UsageError, match="states cannot be told apart"):
        explore(programs.lost(2), strategy="exhaustive", points="awaits")


def test_time_is_part_of_the_state() -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)

        async def ticks() -> None:
            for _ in range(3):
                await anyio.sleep(1)
                await x.write(0)

        async with anyio.create_task_group() as group:
            group.start_soon(ticks)
        return anyio.current_time()

    assert explore(program).outcomes == {"3.0": 1}


def test_the_digest_depends_on_values_and_names_only() -> None:
    one, other = Digest(), Digest()
    one.put("x", 1)
    one.put("y", 2)
    other.put("y", 3)
    assert one.total() != other.total()
    other.put("y", 2)
    other.total()
    other.put("x", 1)
    assert one.total() == other.total()
    one.put("x", 2)
    one.put("y", 1)
    assert one.total() != other.total()


def test_values_that_python_hashes_alike_are_told_apart() -> None:
    values = [-1, -2, 0, 2**61 - 1, 0xFFFF_FFFF_FFFF_FFFF, 7, "7", b"7", None, (), (0,), (-1,), (-2,), frozenset({1})]
    assert len({hash_value(value) for value in values}) == len(values)


def test_what_cannot_name_a_state_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot name a state"):
        hash_value(object())


def test_sharing_outside_an_exploration_does_nothing() -> None:
    share("x", 1)
    assert pick(3) == 0


def test_a_state_that_is_another_one_when_it_is_reached_again_is_noticed() -> None:
    async def program() -> None:
        first: list[int] = []

        async def task(number: int) -> None:
            await x.write(0)
            first.append(number)  # told to nobody
            await x.write(0)
            await x.write(first[0])
            await x.write(first[0])

        x = Cell("x", 0)
        async with anyio.create_task_group() as group:
            group.start_soon(task, 1)
            group.start_soon(task, 2)

    result = explore(program)
    assert not result.complete
    assert UNLIKE in result.incomplete_because[0]
