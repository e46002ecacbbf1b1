from collections.abc import Callable
from functools import partial

import pytest

from nova_async.address import PAGE_SIZE
from nova_async.clients.vgpu_creator import frames_of
from nova_async.errors import ReplayDiverged, UsageError
from nova_async.explore import Execution, Result, explore
from nova_async.explore.strategies import DepthFirst, Exhaustive, Optimal, Strategy
from nova_async.mm import Gpu
from nova_async.operation import Kind
from nova_async.runtime import Naming
from nova_async.scenario import CLEAN, World, scenario
from nova_async.scenario.declare import Scenario
from nova_async.scenario.exploring import Plan, Play, explore_scenario, replay


class Taker:
    """Allocates and gives back, as often as it is told."""

    def __init__(self, gpu: Gpu, number: int, pages: int) -> None:
        self.gpu = gpu
        self.name = f"taker#{number}"
        self.pages = pages

    async def run(self) -> None:
        for _ in range(self.pages):
            page = await self.gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
            self.gpu.mm.free_vram(page)


class Mapper:
    """Maps one page in an address space that all share."""

    def __init__(self, gpu: Gpu, number: int) -> None:
        self.gpu = gpu
        self.name = f"mapper#{number}"

    async def run(self) -> None:
        page = await self.gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
        async with await self.gpu.bar_user.map(frames_of(page), writable=True, owner=self.name) as access:
            access.try_write32(7, 0)
        self.gpu.mm.free_vram(page)


@scenario(expect=CLEAN)
async def takers(world: World, count: int = 2, pages: int = 1) -> None:
    """Do takers get along?"""
    gpu = await world.boot("GA102", vram="64MiB")
    async with world.clients() as clients:
        for number in range(count):
            clients.start(Taker(gpu, number + 1, pages))
    await gpu.mm.deferred.drain()


@scenario(expect=CLEAN)
async def mappers(world: World, count: int = 2) -> None:
    """Do mappers get along?"""
    gpu = await world.boot("GA102", vram="64MiB")
    async with world.clients() as clients:
        for number in range(count):
            clients.start(Mapper(gpu, number + 1))
    await gpu.mm.deferred.drain()


@scenario(expect=CLEAN)
async def forgetful(world: World) -> None:
    """Does a client clean up that is not prepared for a failure?"""
    gpu = await world.boot("GA102", vram="64MiB")

    class Forgetful:
        name = "forgetful"

        async def run(self) -> None:
            first = await gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
            second = await gpu.mm.alloc_vram(PAGE_SIZE, owner=self.name)
            gpu.mm.free_vram(second)
            gpu.mm.free_vram(first)

    async with world.clients() as clients:
        clients.start(Forgetful())
    await gpu.mm.deferred.drain()


@scenario(expect="NOVA101")
async def both_ways(world: World) -> None:
    """May two locks be taken both ways?"""
    kernel = world.kernel
    a, b = kernel.private_mutex("A", None), kernel.private_mutex("B", None)

    class Client:
        def __init__(self, name: str, first: object, second: object) -> None:
            self.name, self.first, self.second = name, first, second

        async def run(self) -> None:
            async with self.first.lock(), self.second.lock():  # type: ignore[attr-defined]
                pass

    async with world.clients() as clients:
        clients.start(Client("one", a, b))
        clients.start(Client("two", b, a))


def explored_with(declared: Scenario, values: dict[str, int], strategy: Strategy) -> tuple[Result, set[str]]:
    play = Play(declared, values, Plan())
    found: set[str] = set()

    def judge(execution: Execution) -> list[object]:
        found.update(finding.code for finding in play.judge(execution))
        return []

    result = explore(play, strategy=strategy, passes=(Kind.ALLOC,), judge=judge)  # type: ignore[arg-type]
    return result, found


STATEFUL: dict[str, Callable[[], Strategy]] = {
    "by birth": partial(Exhaustive, forget_ended=True),
    "exact": partial(Exhaustive, naming=Naming.EXACT),
    "private first": partial(Exhaustive, persistent_sets=True, forget_ended=True),
}


@pytest.mark.parametrize("how", STATEFUL)
@pytest.mark.parametrize(("declared", "values"), [(takers, {"count": 2, "pages": 1}), (both_ways, {})])
def test_all_stateful_searches_find_what_the_search_of_all_orders_finds(
    how: str, declared: Scenario, values: dict[str, int]
) -> None:
    oracle, expected = explored_with(declared, values, Optimal())
    result, found = explored_with(declared, values, STATEFUL[how]())

    assert oracle.complete
    assert result.complete
    assert set(result.outcomes) == set(oracle.outcomes)
    assert found == expected


def test_names_by_birth_make_fewer_states_than_addresses() -> None:
    by_birth, _ = explored_with(takers, {"count": 2, "pages": 2}, STATEFUL["by birth"]())
    exact, _ = explored_with(takers, {"count": 2, "pages": 2}, STATEFUL["exact"]())

    assert by_birth.complete
    assert exact.complete
    assert by_birth.states < exact.states


def test_taking_private_steps_first_makes_fewer_states() -> None:
    all_steps, _ = explored_with(mappers, {"count": 2}, STATEFUL["by birth"]())
    private, _ = explored_with(mappers, {"count": 2}, STATEFUL["private first"]())

    assert all_steps.complete
    assert private.complete
    assert private.states < all_steps.states


def test_two_mappers_in_one_address_space_are_proved_clean() -> None:
    explored = explore_scenario(mappers, {"count": 2}, Plan())

    assert explored.result.complete
    assert explored.met


def test_a_deadlock_names_who_waits_for_whom() -> None:
    explored = explore_scenario(both_ways, {}, Plan())

    assert explored.found == ("NOVA101", "NOVA401")
    deadlock = next(finding for finding in explored.findings if finding.code == "NOVA401")
    assert "one waits for B, which two holds" in deadlock.message
    assert not explored.met  # it expects the order only


def test_a_token_replays_to_the_same_finding() -> None:
    explored = explore_scenario(both_ways, {}, Plan())
    for failure in explored.failures:
        play = Play(both_ways, {}, explored.plan)
        again = replay(both_ways, play.token(failure.schedule))
        assert failure.finding is not None
        assert failure.finding.identity in {finding.identity for finding in again.findings}


def test_a_schedule_of_another_program_diverges() -> None:
    explored = explore_scenario(both_ways, {}, Plan())
    token = Play(takers, {"count": 1, "pages": 1}, Plan()).token(explored.failures[0].schedule)
    with pytest.raises(ReplayDiverged, match="runnable"):
        replay(takers, token)


def test_a_client_may_be_killed_at_every_point_and_nothing_is_lost() -> None:
    explored = explore_scenario(takers, {"count": 1, "pages": 1}, Plan(kill=("taker#1",)))
    alone = explore_scenario(takers, {"count": 1, "pages": 1}, Plan())

    assert explored.result.complete
    assert explored.met
    assert explored.result.states > 2 * alone.result.states


def test_every_allocation_may_fail_and_its_user_give_up() -> None:
    explored = explore_scenario(takers, {"count": 1, "pages": 2}, Plan(fail=("alloc",)))
    alone = explore_scenario(takers, {"count": 1, "pages": 2}, Plan())

    assert explored.result.complete
    assert explored.met
    assert explored.result.executions > alone.result.executions


def test_a_failed_operation_is_no_excuse_for_what_is_left_behind() -> None:
    explored = explore_scenario(forgetful, {}, Plan(fail=("alloc",)))

    assert explored.result.complete
    assert explored.found == ("NOVA305",)


@pytest.mark.parametrize("plan", [{"strategy": "clever"}, {"fail": ("luck",)}])
def test_a_plan_of_unknown_things_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Plan(**plan)  # type: ignore[arg-type]


def test_a_strategy_without_an_end_wants_a_bound() -> None:
    with pytest.raises(UsageError, match="never ends"):
        explore_scenario(both_ways, {}, Plan(strategy="random"))


def test_depth_first_search_agrees_on_the_smallest() -> None:
    result, found = explored_with(both_ways, {}, DepthFirst())
    assert result.complete
    assert found >= {"NOVA101", "NOVA401"}
