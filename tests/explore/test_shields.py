"""What is cancelled around a shield commutes with the steps inside."""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from nova_async.explore import Result, explore, share
from nova_async.explore.primitives import Lock
from nova_async.explore.strategies import Exhaustive
from nova_async.explore.watched import CANCELLED_BEFORE
from nova_async.operation import Kind, Operation
from nova_async.point import point, touch

Program = Callable[[], Awaitable[Hashable]]

INSIDE = 4


def turn(name: str) -> Awaitable[None]:
    """A point that nobody else has anything to do with."""
    return point(Operation(Kind.ACQUIRE, f"turn of {name}"))


class Places:
    """Remembers who came where, in this order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def add(self, place: str) -> None:
        self.seen.append(place)
        share("places", tuple(self.seen))


@dataclass(frozen=True)
class Killing:
    """A victim that is killed some time, and says how far it has come.

    Attributes:
        shield: keeps off what is cancelled around it.
        whole: what is cancelled is the scope around the shield; otherwise one inside.
        outside: the victim has something to do before and after the shield.
    """

    shield: bool
    whole: bool = True
    outside: bool = False

    async def __call__(self) -> Hashable:
        outer, inner = anyio.CancelScope(), anyio.CancelScope()
        places = Places()

        async def comes_to(place: str) -> None:
            await turn("victim")
            places.add(place)

        async def victim() -> None:
            with outer:
                if self.outside:
                    await comes_to("before")
                with anyio.CancelScope(shield=self.shield), inner:
                    for number in range(INSIDE):
                        await comes_to(f"inside {number}")
                if self.outside:
                    await comes_to("after")

        async def killer() -> None:
            await turn("killer")
            (outer if self.whole else inner).cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            group.start_soon(killer)
        return tuple(places.seen)


def both(program: Program) -> tuple[Result, Result]:
    """Every order, and those that are enough."""
    every = explore(program, strategy=Exhaustive())
    few = explore(program, strategy=Exhaustive(persistent_sets=True))
    assert every.complete
    # Who cancels a scope before anybody enters it is seen, but not who that concerns; here nothing comes of it.
    assert few.incomplete_because in ((), (CANCELLED_BEFORE,))
    assert set(few.outcomes) == set(every.outcomes), program
    assert {failure.identity for failure in few.failures} == {failure.identity for failure in every.failures}, program
    return every, few


def test_a_kill_that_nobody_notices_in_a_shield_needs_few_orders() -> None:
    every, shielded = both(Killing(shield=True))
    _, open_to_all = both(Killing(shield=False))

    assert len(every.outcomes) == 1
    assert len(open_to_all.outcomes) == INSIDE + 1
    assert shielded.executions < open_to_all.executions / 2
    assert shielded.states < every.states


def test_one_kill_is_enough_for_all_the_steps_in_a_shield() -> None:
    every, shielded = both(Killing(shield=True, outside=True))
    _, open_to_all = both(Killing(shield=False, outside=True))

    assert len(every.outcomes) == 3  # before, after the shield, or never
    assert len(open_to_all.outcomes) == INSIDE + 3
    assert shielded.executions < open_to_all.executions


@pytest.mark.parametrize("outside", [False, True])
def test_a_scope_inside_the_shield_is_cancelled_at_every_step(*, outside: bool) -> None:
    every, few = both(Killing(shield=True, whole=False, outside=outside))
    assert len(every.outcomes) == INSIDE + 1
    assert few.executions > INSIDE


def test_a_shield_that_is_put_up_later_does_not_hide_who_cancels_it_itself() -> None:
    async def program() -> Hashable:
        scope, places = anyio.CancelScope(), Places()

        async def victim() -> None:
            with scope:
                scope.shield = True
                for number in range(INSIDE):
                    await turn("victim")
                    places.add(str(number))

        async def killer() -> None:
            await turn("killer")
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            group.start_soon(killer)
        return tuple(places.seen)

    every, _ = both(program)
    assert len(every.outcomes) == INSIDE + 1


def leaving(look: Callable[[], Awaitable[None]], *, late: bool) -> Program:
    """The victim leaves a shield, looks whether it was killed, and enters another one before its next point.

    Args:
        look: whether it was.
        late: it leaves the shield in the housekeeping that follows its step.
    """

    async def program() -> Hashable:
        scope, places = anyio.CancelScope(), Places()

        async def victim() -> None:
            with scope:
                with anyio.CancelScope(shield=True):
                    await turn("victim")
                    if late:
                        await checkpoint()
                await look()
                places.add("left")
                with anyio.CancelScope(shield=True):
                    await turn("victim")

        async def killer() -> None:
            await turn("killer")
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            group.start_soon(killer)
        return tuple(places.seen)

    return program


@pytest.mark.parametrize(
    ("look", "late"),
    [
        (checkpoint, False),
        (checkpoint_if_cancelled, False),
        (checkpoint, True),
        (checkpoint_if_cancelled, True),
    ],
)
def test_between_two_shields_in_one_step_a_kill_is_noticed(look: Callable[[], Awaitable[None]], *, late: bool) -> None:
    every, _ = both(leaving(look, late=late))
    assert len(every.outcomes) == 2


def test_a_child_that_ends_in_a_shield_could_have_been_killed_before() -> None:
    async def program() -> Hashable:
        scope, places = anyio.CancelScope(), Places()

        async def child() -> None:
            await turn("child")
            places.add("before")
            with anyio.CancelScope(shield=True):
                await turn("child")

        async def parent() -> None:
            with scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(child)

        async def killer() -> None:
            await turn("killer")
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(parent)
            group.start_soon(killer)
        return tuple(places.seen)

    every, _ = both(program)
    assert set(every.outcomes) == {"()", "('before',)"}


class ByChance:
    """Three tasks, in groups and shields and scopes of their own, that kill each other and take a lock."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)
        self.seed = seed
        acts = ["step", "step", "lock", "shield", "shield", "scope", "group", "kill a", "kill b", "kill inside b"]
        self.plans = {name: [dice.choice(acts) for _ in range(dice.randint(2, 3))] for name in "abc"}
        self.deeper = {name: [dice.choice(acts[:6]) for _ in range(2)] for name in "abc"}
        self.around = dice.random() < 0.5

    def __repr__(self) -> str:
        return f"ByChance({self.seed})"

    async def __call__(self) -> Hashable:
        self.lock, self.places = Lock("lock"), Places()
        self.scopes = {name: anyio.CancelScope() for name in "abc"}
        self.inside: dict[str, anyio.CancelScope] = {}
        self.entered: Counter[str] = Counter()
        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(self.task, name)
        return tuple(self.places.seen)

    async def task(self, name: str) -> None:
        with self.scopes[name]:
            if self.around:  # whoever is killed is not the one that is in the scope
                async with anyio.create_task_group() as group:
                    group.start_soon(self.act_all, name, self.plans[name], 0)
            else:
                await self.act_all(name, self.plans[name], 0)

    async def act_all(self, name: str, plan: list[str], depth: int) -> None:
        for what in plan:
            await self.act(name, what, depth)

    async def act(self, name: str, what: str, depth: int) -> None:
        deeper = self.deeper[name] if not depth else ["step"]
        match what:
            case "shield":
                with anyio.CancelScope(shield=True):
                    await self.act_all(name, deeper, depth + 1)
            case "scope":
                self.entered[name] += 1
                share(f"scope of {name}", self.entered[name])
                with anyio.CancelScope() as self.inside[name]:
                    await self.act_all(name, deeper, depth + 1)
            case "group":
                async with anyio.create_task_group() as group:
                    group.start_soon(self.act_all, name, deeper[:1], depth + 1)
            case "lock":
                async with self.lock:
                    await turn(name)
                    self.places.add(name)
            case _:
                await turn(name)
                self.act_at_once(what)

    def act_at_once(self, what: str) -> None:
        match what.split():
            case ["kill", "inside", name]:
                touch(f"scope of {name}")
                if name in self.inside:
                    share(f"{name} is cancelled in {self.entered[name]}", value=True)  # though a shield may hide it
                    self.inside[name].cancel()
            case ["kill", name]:
                share(f"{name} is cancelled", value=True)
                self.scopes[name].cancel()


NIGHTLY = pytest.param(range(30, 1000), marks=pytest.mark.nightly, id="a thousand")


@pytest.mark.parametrize("seeds", [range(30), NIGHTLY])
def test_the_outcomes_are_those_of_all_orders(seeds: range) -> None:
    for seed in seeds:
        both(ByChance(seed))


def test_who_is_in_a_shield_could_have_been_killed_before() -> None:
    both(ByChance(94))
