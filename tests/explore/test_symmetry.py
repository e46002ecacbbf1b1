"""Tasks that differ in nothing but their names."""

from ast import literal_eval
from collections.abc import Awaitable, Callable, Collection, Hashable

import anyio
import pytest

from nova_async.explore import Result, explore, pick, share
from nova_async.explore.primitives import Cell, Flag, Lock
from nova_async.explore.strategies import Exhaustive, Replay
from nova_async.explore.strategies.symmetry import LEFT_OUT
from nova_async.operation import Kind, Operation
from nova_async.point import alike, point
from nova_async.runtime import Naming

Program = Callable[[], Awaitable[Hashable]]
Task = Callable[[int], Awaitable[None]]

BUG = "RuntimeError: somebody else was in between"


async def side_by_side(task: Task, *, count: int, symmetric: bool) -> None:
    """So many tasks; whether the explorer is told that they are alike."""

    async def run(number: int) -> None:
        if symmetric:
            alike("lock")
        await task(number)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(run, number)


def visits(count: int = 3, *, symmetric: bool, rounds: int = 2) -> Program:
    """Who was in the critical section, in this order."""

    async def program() -> Hashable:
        lock, own = Lock("lock"), [Cell(f"of {number}", 0) for number in range(count)]
        order: list[int] = []

        async def task(number: int) -> None:
            await own[number].write(1)
            for _ in range(rounds):
                async with lock:
                    order.append(number)
                    share("order", tuple(order))

        await side_by_side(task, count=count, symmetric=symmetric)
        return tuple(order)

    return program


def normalised(outcomes: Collection[str]) -> set[tuple[int, ...]]:
    """With everybody called by when he comes first."""
    result = set()
    for outcome in outcomes:
        order = literal_eval(outcome)
        names = {name: number for number, name in enumerate(dict.fromkeys(order))}
        result.add(tuple(names[name] for name in order))
    return result


@pytest.mark.parametrize("persistent_sets", [False, True])
def test_of_orders_that_differ_in_names_only_there_is_one(*, persistent_sets: bool) -> None:
    every = explore(visits(symmetric=False), strategy=Exhaustive(persistent_sets=persistent_sets))
    few = explore(visits(symmetric=True), strategy=Exhaustive(persistent_sets=persistent_sets))

    assert every.complete
    assert few.complete
    assert (len(every.outcomes), len(few.outcomes)) == (90, 90 // 6)
    assert {literal_eval(outcome) for outcome in few.outcomes} == normalised(every.outcomes)
    assert few.states < every.states / 2
    assert few.executions < every.executions / 2


def test_several_processes_leave_out_the_same() -> None:
    alone = explore(visits(symmetric=True), strategy=Exhaustive())
    together = explore(visits(symmetric=True), strategy=Exhaustive(), workers=2)
    assert together.complete
    assert set(together.outcomes) == set(alone.outcomes)
    assert together.states == alone.states


def test_nobody_is_like_another_where_every_address_counts() -> None:
    exact = explore(visits(symmetric=True), strategy=Exhaustive(naming=Naming.EXACT))
    assert exact.complete
    assert len(exact.outcomes) == 90


def torn(*, symmetric: bool, told: bool = False) -> Program:
    """It goes wrong only if somebody's two critical sections have another one's between them."""

    async def program() -> None:
        lock, owner = Lock("lock"), Cell("owner", -1)

        async def task(number: int) -> None:
            async with lock:
                owner.value = number
            async with lock:
                if owner.value != number:
                    raise RuntimeError("somebody else was in between" + f", of {number}" * told)

        await side_by_side(task, count=2, symmetric=symmetric)

    return program


def test_a_bug_that_some_order_of_those_alike_shows_is_found() -> None:
    for symmetric in (False, True):
        result = explore(torn(symmetric=symmetric))
        assert result.complete
        assert [failure.message for failure in result.failures] == [BUG]

    named = [explore(torn(symmetric=symmetric, told=True)) for symmetric in (False, True)]
    assert {each.message for each in named[0].failures} == {f"{BUG}, of 0", f"{BUG}, of 1"}
    assert {each.message for each in named[1].failures} == {f"{BUG}, of 0"}, "whoever comes first is called 0"


def test_a_schedule_that_was_found_under_symmetry_can_be_replayed() -> None:
    (failure,) = explore(torn(symmetric=True)).failures
    assert any(len(step.runnable) > 1 for step in failure.schedule.steps)
    for symmetric in (False, True):  # whoever is not asked who is like whom does not care
        again = explore(torn(symmetric=symmetric), strategy=Replay(failure.schedule))
        assert again.executions == 1
        assert [each.message for each in again.failures] == [BUG]
        assert again.failures[0].schedule == failure.schedule


def some_do_not_come(*, symmetric: bool) -> Result:
    async def program() -> Hashable:
        lock = Lock("lock")
        order: list[int] = []

        async def task(number: int) -> None:
            await point(Operation(Kind.ACQUIRE, f"turn of {number}"))
            if pick(2):
                return
            async with lock:
                order.append(number)
                share("order", tuple(order))

        await side_by_side(task, count=2, symmetric=symmetric)
        return tuple(order)

    return explore(program)


def test_if_one_that_is_said_to_be_like_others_never_comes_there_the_search_is_incomplete() -> None:
    assert some_do_not_come(symmetric=False).complete
    result = some_do_not_come(symmetric=True)
    assert not result.complete
    assert set(result.outcomes) == {"()", "(0,)", "(1,)", "(0, 1)"}, "nobody waits for whoever has ended"
    assert result.incomplete_because == (LEFT_OUT.format("lock"),)


def one_waits_for_the_other(*, symmetric: bool, ever: bool = True) -> Program:
    """Whoever is first to take a ticket goes to the lock only after the other one has been there."""

    async def program() -> Hashable:
        lock, tickets, passed = Lock("lock"), Cell("tickets", 0), Flag("passed")
        order: list[int] = []

        async def task(number: int) -> None:
            await point(Operation(Kind.ACQUIRE, "tickets"))
            ticket = tickets.value
            tickets.value = ticket + 1
            if not ticket:
                await passed.wait()
            async with lock:
                order.append(ticket)
                share("order", tuple(order))
            if ticket and ever:
                await passed.set()

        await side_by_side(task, count=2, symmetric=symmetric)
        return tuple(order)

    return program


def test_that_one_has_to_wait_for_another_to_be_named_is_no_deadlock() -> None:
    for symmetric in (False, True):
        result = explore(one_waits_for_the_other(symmetric=symmetric))
        assert result.complete
        assert not result.failures
        assert set(result.outcomes) == {"(1, 0)"}


def test_a_deadlock_of_those_alike_is_still_found() -> None:
    for symmetric in (False, True):
        result = explore(one_waits_for_the_other(symmetric=symmetric, ever=False))
        assert result.complete
        assert {failure.finding.code for failure in result.failures if failure.finding} == {"NOVA401"}
