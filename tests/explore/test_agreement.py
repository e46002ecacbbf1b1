"""All strategies that claim to cover everything see the same outcomes as plain depth-first search."""

from collections.abc import Awaitable, Callable, Hashable
from random import Random

import anyio
import pytest

from nova_async.explore import explore, pick
from nova_async.explore.primitives import Cell, Flag, Lock
from nova_async.explore.strategies import Optimal

REDUCING = ("exhaustive", "dpor", "source-dpor")

Program = Callable[[], Awaitable[Hashable]]
Op = tuple[str, int]


def random_code(dice: Random, length: int) -> list[Op]:
    kinds = ["read", "write", "read", "write", "swap", "with", "set", "wait", "cancel", "pick", "sleep"]
    return [(dice.choice(kinds), dice.randrange(2)) for _ in range(length)]


class Machine:
    """A program made of random operations on two cells, two locks and two flags."""

    def __init__(self, codes: list[list[Op]]) -> None:
        self.cells = [Cell(f"cell{number}", 0) for number in range(2)]
        self.locks = [Lock(f"lock{number}") for number in range(2)]
        self.flags = [Flag(f"flag{number}") for number in range(2)]
        self.scopes = [anyio.CancelScope() for _ in codes]
        self.told: list[list[Hashable]] = [[] for _ in codes]
        self.codes = codes

    async def run(self) -> Hashable:
        async with anyio.create_task_group() as group:
            for number in range(len(self.codes)):
                group.start_soon(self.task, number, name=f"t{number}")
        return tuple(map(tuple, self.told)), tuple(cell.value for cell in self.cells)

    async def task(self, me: int) -> None:
        with self.scopes[me]:
            try:
                await self.follow(me, self.codes[me])
                self.told[me].append("done")
            finally:
                if me == 0:
                    with anyio.CancelScope(shield=True):
                        self.told[me].append(await self.cells[0].read())

    async def follow(self, me: int, code: list[Op]) -> None:
        told = self.told[me]
        for place, (kind, which) in enumerate(code):
            match kind:
                case "read":
                    told.append(await self.cells[which].read())
                case "write":
                    await self.cells[which].write(me * 10 + place)
                case "swap":
                    told.append(await self.cells[which].compare_and_swap(0, me + 1))
                case "with":
                    async with self.locks[which]:
                        await self.follow(me, code[place + 1 :])
                    return
                case "set":
                    await self.flags[which].set()
                case "wait":
                    await self.flags[which].wait()
                case "cancel":
                    self.scopes[which].cancel()
                case "sleep":
                    await anyio.sleep(1 + which)
                case "pick":
                    told.append(pick(2))


def program_of(codes: list[list[Op]]) -> Program:
    async def program() -> Hashable:
        return await Machine(codes).run()

    return program


def random_program(seed: int) -> Program:
    dice = Random(seed)
    return program_of([random_code(dice, dice.randint(2, 3)) for _ in range(dice.randint(2, 3))])


HARD = {
    "a lock is let go by somebody whom time wakes": [
        [("read", 1), ("read", 0), ("with", 0)],
        [("pick", 0), ("write", 1), ("write", 0)],
        [("with", 0), ("read", 1), ("sleep", 1)],
    ],
    "what waits for a lock would cancel": [
        [("wait", 0), ("with", 1)],
        [("with", 0), ("set", 1), ("sleep", 1)],
        [("cancel", 0), ("with", 0), ("cancel", 1)],
    ],
    "what waits for a lock is cancelled by its holder": [
        [("with", 1), ("cancel", 1), ("read", 1)],
        [("with", 1), ("with", 0), ("cancel", 0)],
        [("write", 0), ("write", 1)],
    ],
    "what waits for a lock is cancelled by its holder, whom time wakes": [
        [("read", 0), ("with", 1), ("with", 0)],
        [("with", 0), ("sleep", 1), ("cancel", 0)],
        [("read", 1), ("swap", 0), ("with", 1)],
    ],
    "a cancelled wait hides a cancellation": [
        [("wait", 1), ("cancel", 0)],
        [("write", 1), ("cancel", 0)],
        [("pick", 1), ("read", 1)],
    ],
}
"""Programs of which some order was once left out."""


@pytest.mark.parametrize("codes", HARD.values(), ids=HARD)
def test_orders_that_were_once_left_out_are_found(codes: list[list[Op]]) -> None:
    check(program_of(codes))


@pytest.mark.parametrize("seed", range(50))
def test_all_strategies_that_cover_everything_agree(seed: int) -> None:
    check(random_program(seed))


@pytest.mark.nightly
@pytest.mark.parametrize("hundred", range(1, 10))
def test_they_agree_on_many_more_programs(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(random_program(seed))


def check(program: Program) -> None:
    oracle = explore(program, strategy="dfs", max_executions=300)
    for strategy in REDUCING:
        result = explore(program, strategy=strategy)
        assert result.complete
        assert set(result.outcomes) >= set(oracle.outcomes)
        assert {failure.identity for failure in result.failures} >= {failure.identity for failure in oracle.failures}
        if oracle.complete:
            assert set(result.outcomes) == set(oracle.outcomes)
            # Executions that were given up as a wait proved impossible have no outcome.
            assert sum(result.outcomes.values()) <= oracle.executions


@pytest.mark.parametrize("seed", range(50))
def test_sampling_finds_only_what_there_is(seed: int) -> None:
    program = random_program(seed)
    everything = set(explore(program, strategy="exhaustive").outcomes)
    for strategy in ("random", "pct"):
        assert set(explore(program, strategy=strategy, max_executions=20, seed=seed).outcomes) <= everything


def test_optimal_does_not_begin_what_it_has_to_give_up() -> None:
    for seed in range(10):
        strategy = Optimal()
        explore(random_program(seed), strategy=strategy)
        assert strategy.blocked == 0


@pytest.mark.parametrize("strategy", REDUCING)
def test_a_task_that_was_cancelled_is_in_another_state(strategy: str) -> None:
    async def program() -> Hashable:
        x, y = Cell("x", 0), Cell("y", 0)
        scope, over = anyio.CancelScope(), Flag("over")

        async def victim() -> None:
            with scope:
                await x.write(0)
            await over.wait()
            caught.append(scope.cancelled_caught)

        async def killer() -> None:
            await y.read()
            scope.cancel()
            await over.set()

        caught: list[bool] = []
        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            group.start_soon(killer)
        return tuple(caught)

    assert set(explore(program, strategy=strategy).outcomes) == {"(True,)", "(False,)"}


@pytest.mark.parametrize("strategy", REDUCING)
def test_what_happens_after_a_pause_comes_after_all_that_was_before(strategy: str) -> None:
    async def program() -> Hashable:
        x = Cell("x", 0)

        async def task(number: int) -> None:
            await x.write(number)
            await anyio.sleep(1)
            seen.append(await x.read())
            await x.write(10 + number)

        seen: list[int] = []
        async with anyio.create_task_group() as group:
            group.start_soon(task, 1)
            group.start_soon(task, 2)
        return tuple(seen), x.value

    oracle = explore(program, strategy="dfs")
    result = explore(program, strategy=strategy)
    assert result.complete
    assert set(result.outcomes) == set(oracle.outcomes)
    assert result.executions < oracle.executions
