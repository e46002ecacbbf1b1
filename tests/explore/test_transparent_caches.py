"""Caches of which nothing is told as long as nobody depends on what they hold."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import anyio
import pytest

from nova_async.explore import Result, explore, pick, share
from nova_async.explore import workers as spreading
from nova_async.explore.primitives import Flag
from nova_async.explore.strategies import Exhaustive, stateful
from nova_async.explore.strategies.journal import Journal
from nova_async.operation import Access, Kind, Operation
from nova_async.point import depend_on, observe_guarded, point, touch, transparent

CACHE = "the cache"


@dataclass
class Store:
    """One value for each task, all behind one cache, that can be emptied as a whole only.

    Attributes:
        told: tell what the cache holds, whether or not anybody depends on it.
        watched: somebody watches whether everybody empties it.
    """

    told: bool = False
    watched: bool = True
    values: dict[str, int] = field(default_factory=dict)
    cached: dict[str, int] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)

    def write(self, name: str, value: int) -> None:
        """The cache may still hold the value before."""
        self.values[name] = value
        self.changed[name] = None
        share(name, value)

    def empty(self, name: str) -> None:
        """By the task that owns ``name``, but for all."""
        self.cached.clear()
        self.changed.pop(name, None)
        self._tell(Access.WRITE)

    def read(self, name: str) -> int:
        """From the cache, if it is there."""
        touch(name)
        if name in self.changed and self.watched:
            depend_on(CACHE)  # also if others have emptied it meanwhile
        self.cached.setdefault(name, self.values[name])
        self._tell(Access.WRITE)
        observe_guarded(self.cached[name])
        return self.cached[name]

    def _tell(self, access: Access) -> None:
        if self.told or not transparent(CACHE):
            share(CACHE, tuple(sorted(self.cached.items())), access)


@dataclass(frozen=True)
class Program:
    """Every task changes its value, and reads it before and after.

    Attributes:
        careless: who forgets to empty the cache.
        by_chance: these do so only if a choice of data says so.
        told: see :class:`Store`.
        watched: see there.
    """

    careless: str = ""
    by_chance: bool = False
    told: bool = False
    watched: bool = True

    async def __call__(self) -> Hashable:
        store = Store(told=self.told, watched=self.watched)
        seen: dict[str, tuple[int, ...]] = {}

        async def task(name: str) -> None:
            turn = Operation(Kind.ACQUIRE, f"turn of {name}")
            await point(turn)
            forgets = (not self.by_chance or bool(pick(2))) and name in self.careless
            store.write(name, 0)
            store.empty(name)
            before = store.read(name)
            await point(turn)
            store.write(name, 1)
            await point(turn)
            if not forgets:
                store.empty(name)
            seen[name] = (before, store.read(name))

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(task, name)
        return tuple(sorted(seen.items()))


def found(program: Program, *, workers: int = 1, bound: int | None = None) -> tuple[Result, dict[str, None] | None]:
    """With persistent sets, and which caches were found to matter."""
    strategy = Exhaustive(persistent_sets=True)
    return explore(program, strategy=strategy, workers=workers, max_executions=bound), strategy.opaque


@pytest.mark.parametrize(("careless", "outcomes"), [("", 1), ("a", 2), ("ab", 4)])
def test_the_outcomes_are_those_of_a_search_that_is_told_all(careless: str, outcomes: int) -> None:
    every = explore(Program(careless), strategy=Exhaustive())
    few, opaque = found(Program(careless))

    assert every.complete
    assert few.complete
    assert set(few.outcomes) == set(every.outcomes)
    assert len(every.outcomes) == outcomes
    assert (opaque == {CACHE: None}) is bool(careless)
    assert few.states < every.states


def test_a_cache_that_everybody_empties_himself_costs_no_states() -> None:
    silent, opaque = found(Program())
    told, _ = found(Program(told=True))

    assert not opaque
    assert set(silent.outcomes) == set(told.outcomes)
    assert silent.executions == 1
    assert told.states > 3 * silent.states


def test_what_decides_and_is_not_said_to_is_missed() -> None:
    # That nobody watches is what makes it wrong: the search above is not complete by luck.
    unsaid, opaque = found(Program("a", watched=False))
    said, _ = found(Program("a"))
    assert not opaque
    assert set(unsaid.outcomes) < set(said.outcomes)


def test_nothing_is_transparent_where_no_order_is_left_out() -> None:
    strategy = Exhaustive()
    plain = explore(Program(), strategy=strategy)
    assert strategy.opaque is None
    assert plain.states == explore(Program(told=True), strategy=Exhaustive()).states


def test_it_may_turn_out_late_that_somebody_depends_on_it() -> None:
    every = explore(Program("b", by_chance=True), strategy=Exhaustive())
    few, opaque = found(Program("b", by_chance=True))
    assert few.complete
    assert opaque == {CACHE: None}
    assert set(few.outcomes) == set(every.outcomes)


@pytest.mark.parametrize("careless", ["", "b", "bc"])
def test_what_one_worker_learns_of_a_cache_all_learn(careless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in ((spreading, "ROUND", 5), (spreading, "ALONE", 1), (spreading, "ENOUGH", 1)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(stateful, "REHEARSAL", 1)
    learned: list[str] = []
    learn = Exhaustive.learn

    def remembering(strategy: Exhaustive, journal: Journal) -> None:
        known = strategy.opaque or {}
        learned.extend(cache for cache in journal.opaque if cache not in known)
        learn(strategy, journal)

    monkeypatch.setattr(Exhaustive, "learn", remembering)
    every = explore(Program(careless, by_chance=True), strategy=Exhaustive())
    together, opaque = found(Program(careless, by_chance=True), workers=2, bound=2000)

    assert together.complete
    assert set(together.outcomes) == set(every.outcomes)
    assert list(opaque or ()) == [CACHE] * bool(careless)
    assert set(learned) == set(opaque or ())


@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_is_taken_over_from_whoever_is_cleared_away(*, cancelled: bool) -> None:
    async def program() -> None:
        flag, scope = Flag("flag"), anyio.CancelScope()

        async def waits() -> None:
            with scope:
                try:
                    await flag.wait()
                except anyio.get_cancelled_exc_class():
                    depend_on(CACHE)
                    raise

        async def cancels() -> None:
            await point(Operation(Kind.ACQUIRE, "turn"))
            if cancelled:
                scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(waits)
            group.start_soon(cancels)

    strategy = Exhaustive(persistent_sets=True)
    result = explore(program, strategy=strategy)
    assert result.complete
    assert bool(result.failures) is not cancelled  # a deadlock is cleared away
    assert bool(strategy.opaque) is cancelled
