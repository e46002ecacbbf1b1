"""Steps that make up for those of others."""

from collections.abc import Awaitable, Callable, Hashable
from random import Random

import anyio
import pytest

from nova_async.explore import explore, pick, share
from nova_async.explore.primitives import Flag, Lock
from nova_async.explore.strategies import Exhaustive, stateful
from nova_async.explore.strategies.footprints import Footprints, Others, Step
from nova_async.explore.strategies.state_graph import State
from nova_async.operation import Access, Kind, Operation
from nova_async.point import point

A_FIRST, B_FIRST, B_SECOND, C_FIRST, AFTER_ALL, AFTER_SOME = range(1, 7)
STUCK = ["nobody can go on: passes waits for acquire lock; holds waits for wait flag"]


def test_a_lock_that_is_taken_and_released_in_one_step_may_still_be_held_by_another_for_long() -> None:
    async def program() -> None:
        lock, flag = Lock("lock"), Flag("flag")

        async def passes() -> None:
            async with lock:
                pass
            await flag.set()

        async def holds() -> None:
            async with lock:
                await flag.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(passes)
            group.start_soon(holds)

    result = explore(program, strategy=Exhaustive(persistent_sets=True))
    assert result.complete
    assert [failure.message for failure in result.failures] == STUCK


def bag(access: Access) -> Callable[[], Awaitable[Hashable]]:
    """Three tasks put two things each into a bag."""

    async def program() -> Hashable:
        things: set[str] = set()

        async def puts(name: str) -> None:
            for number in range(2):
                await point(Operation(Kind.ACQUIRE, f"turn of {name}"))
                things.add(f"{name}{number}")
                share("bag", frozenset(things), access)

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(puts, name)
        return tuple(sorted(things))

    return program


def test_what_all_put_into_one_bag_needs_one_order_only() -> None:
    any_order = explore(bag(Access.WRITE), strategy=Exhaustive(persistent_sets=True))
    one_order = explore(bag(Access.ADD), strategy=Exhaustive(persistent_sets=True))

    assert one_order.complete
    assert any_order.complete
    assert set(one_order.outcomes) == set(any_order.outcomes)
    assert one_order.executions == 1
    assert any_order.states > 2 * one_order.states


@pytest.mark.parametrize(
    ("mine", "his", "matters"),
    [
        (Access.READ, Access.READ, False),
        (Access.ADD, Access.ADD, False),
        (Access.READ, Access.ADD, True),
        (Access.ADD, Access.READ, True),
        (Access.WRITE, Access.WRITE, True),
        (Access.WRITE, Access.READ, True),
        (Access.ADD, Access.WRITE, True),
    ],
)
def test_choices_come_back_when_another_does_what_does_not_commute(mine: Access, his: Access, *, matters: bool) -> None:
    came_back: list[State] = []
    footprints = Footprints(came_back.append)
    state = State(("a", "b"), (0,), None)
    others = Others({"b": B_FIRST}, frozenset())
    footprints.note(Step("a", A_FIRST, {"x": mine}))
    assert footprints.commutes({"x": mine}, others)
    footprints.rely(state, {"x": mine}, others)

    footprints.note(Step("b", B_FIRST, {"y": Access.WRITE}, {"b": B_SECOND}))
    assert not came_back
    footprints.note(Step("b", B_SECOND, {"x": his}))  # not his next step, but one that follows

    assert came_back == [state] * matters
    assert footprints.commutes({"x": mine}, others) is not matters


def test_what_a_task_has_done_with_is_no_part_of_its_future() -> None:
    footprints = Footprints(lambda _: None)
    footprints.note(Step("a", A_FIRST, {"x": Access.WRITE}))
    footprints.note(Step("b", B_FIRST, {"x": Access.WRITE}, {"b": B_SECOND}))

    assert not footprints.commutes({"x": Access.WRITE}, Others({"b": B_FIRST}, frozenset()))
    assert footprints.commutes({"x": Access.WRITE}, Others({"b": B_SECOND}, frozenset()))


def test_what_follows_a_join_is_in_nobodys_way_who_is_waited_for() -> None:
    came_back: list[State] = []
    footprints = Footprints(came_back.append)
    state = State(("a", "b"), (0,), None)
    awaited = Others({"b": B_FIRST}, frozenset({"root"}))
    footprints.note(Step("a", A_FIRST, {"x": Access.WRITE}))
    footprints.note(Step("b", B_FIRST, {"y": Access.WRITE}, {"root": AFTER_ALL}, joined={"root"}))
    footprints.note(Step("root", AFTER_ALL, {"x": Access.READ}))

    assert not footprints.commutes({"x": Access.WRITE}, Others({"b": B_FIRST}, frozenset()))
    assert footprints.commutes({"x": Access.WRITE}, awaited)
    footprints.rely(state, {"x": Access.WRITE}, awaited)

    footprints.note(Step("c", C_FIRST, {"z": Access.WRITE}, {"b": AFTER_SOME}, joined={"b"}))
    assert came_back == [state]  # somebody else waits for others, and it is not known what he will do


class ByChance:
    """A program of three tasks, one of them perhaps in a group of another's, that do all that there is."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)
        acts = dice.sample(["x", "y", "bag", "lock", "both", "other", "own", "set", "wait", "pick", "stop b"], 5)
        self.plans = [[dice.choice(acts) for _ in range(dice.randint(2, 3))] for _ in "abc"]
        self.nested = dice.random() < 0.5

    async def __call__(self) -> Hashable:
        self.cells = {name: Variable(name) for name in "xy"}
        self.locks = {name: Lock(name) for name in ("lock", "other")}
        self.flag = Flag("flag")
        self.bag: set[str] = set()
        self.scopes = {name: anyio.CancelScope() for name in "abc"}
        a, b, c = self.plans
        async with anyio.create_task_group() as group:
            group.start_soon(self.task, "a", a, c if self.nested else [])
            group.start_soon(self.task, "b", b, [])
            if not self.nested:
                group.start_soon(self.task, "c", c, [])
        return tuple(tuple(cell.values) for cell in self.cells.values()), tuple(sorted(self.bag))

    async def task(self, name: str, plan: list[str], below: list[str]) -> None:
        with self.scopes[name]:
            async with anyio.create_task_group() as group:
                if below:
                    group.start_soon(self.task, "c", below, [])
                for count, what in enumerate(plan):
                    await self.act(name, what, count)
            if below:
                self.cells["x"].append(f"{name} joined")

    async def act(self, name: str, what: str, count: int) -> None:
        match what:
            case "set":
                await self.flag.set()
            case "wait":
                await self.flag.wait()
            case "lock":
                async with self.locks["lock"]:
                    pass
            case "both":
                async with self.locks["lock"], self.locks["other"]:
                    self.cells["y"].append(name)
            case "other":
                async with self.locks["other"]:
                    await point(Operation(Kind.ACQUIRE, f"turn of {name}"))
                    self.cells["x"].append(name)
            case _:
                await point(Operation(Kind.ACQUIRE, f"turn of {name}"))
                self.act_at_once(name, what, count)

    def act_at_once(self, name: str, what: str, count: int) -> None:
        match what:
            case "bag":
                self.bag.add(f"{name}{count}")
                share("bag", frozenset(self.bag), Access.ADD)
            case "pick":
                self.cells["xy"[pick(2)]].append(name)
            case "stop b":
                self.scopes["b"].cancel()
            case "x" | "y":
                self.cells[what].append(name)


class Variable:
    """Remembers in which order it was written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[str] = []

    def append(self, value: str) -> None:
        self.values.append(value)
        share(self.name, tuple(self.values))


NIGHTLY = pytest.param(range(40, 2000), marks=pytest.mark.nightly, id="two thousand")


@pytest.mark.parametrize("seeds", [range(40), NIGHTLY])
def test_the_outcomes_are_those_of_all_orders(seeds: range) -> None:
    for seed in seeds:
        every = explore(ByChance(seed), strategy=Exhaustive())
        few = explore(ByChance(seed), strategy=Exhaustive(persistent_sets=True))

        assert few.complete
        assert every.complete
        assert (seed, set(few.outcomes)) == (seed, set(every.outcomes))
        assert {failure.identity for failure in few.failures} == {failure.identity for failure in every.failures}
        assert few.states <= every.states


def test_it_saves_most_of_the_states_where_little_is_shared() -> None:
    every = sum(explore(ByChance(seed), strategy=Exhaustive()).states for seed in range(20))
    few = sum(explore(ByChance(seed), strategy=Exhaustive(persistent_sets=True)).states for seed in range(20))
    assert few < 0.8 * every


def test_a_search_that_begins_anew_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stateful, "REHEARSAL", 4)
    monkeypatch.setattr(stateful, "LARGE", 1)
    saved = 0
    for seed in range(40):
        monkeypatch.setattr(stateful, "LARGE", 1 << 30)
        at_once = explore(ByChance(seed), strategy=Exhaustive(persistent_sets=True))
        monkeypatch.setattr(stateful, "LARGE", 1)
        anew = explore(ByChance(seed), strategy=Exhaustive(persistent_sets=True))
        assert anew.complete
        assert (seed, set(anew.outcomes)) == (seed, set(at_once.outcomes))
        assert {failure.identity for failure in anew.failures} == {failure.identity for failure in at_once.failures}
        saved += at_once.states - anew.states
    assert saved > 0
