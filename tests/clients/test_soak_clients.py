"""BAR1 users, page mappers, seats, the killer and the tally."""

import gc
from collections.abc import Callable, Iterator
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.clients import Bar1User, Client, DrmSubmitter, Killer, PageMapper, Seat, Tally, VgpuCreator, Vm
from nova_async.clients.address_space import address_space
from nova_async.errors import EINVAL, EIO, ENODEV, UsageError
from nova_async.mm import Gpu, Vmm
from nova_async.point import running_under
from nova_async.runtime import Live
from nova_async.scenario import World


async def test_bar1_users_and_page_mappers_share_a_device_and_leave_nothing_behind(world: World) -> None:
    tally = Tally()
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "shared", 256) as vmm, world.clients() as crew:
            for number in range(8):
                crew.start(Bar1User(gpu, number, pages=2, rounds=3, tally=tally))
                crew.start(PageMapper(gpu, vmm, number, rounds=3, tally=tally))
    assert world.findings == []
    assert {kind: times.count for kind, times in tally.kinds.items()} == dict.fromkeys(
        ("bar1 map", "bar1 unmap", "map", "unmap"), 24
    )


@pytest.mark.parametrize("kind", ["bar1", "map"])
async def test_a_client_killed_at_any_point_gives_everything_back(world: World, kind: str) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "shared", 256) as vmm:
            for delay in range(40):
                client: Client = Bar1User(gpu, 0) if kind == "bar1" else PageMapper(gpu, vmm, 0)
                with running_under(Live(seed=delay, preemption=0.9)):
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(client.run)
                        for _ in range(delay):
                            await checkpoint()
                        tasks.cancel_scope.cancel()
    assert world.findings == []


async def test_a_bar1_user_notices_a_word_that_is_not_what_it_wrote(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        read = gpu.board.bar1.read64
        gpu.board.bar1.read64 = lambda offset: read(offset) ^ 1  # type: ignore[method-assign]
        with pytest.raises(EIO, match="BAR1 reads"):
            await Bar1User(gpu, 0).run()
    assert world.findings == []


async def turns_of_each_kind(gpu: Gpu, vmm: Vmm, vm: Vm) -> None:
    for number in range(5):
        await Bar1User(gpu, number).run()
        await PageMapper(gpu, vmm, number).run()
        await VgpuCreator(gpu, number).run()
        await DrmSubmitter(vm, number).run()


async def test_what_clients_leave_behind_needs_no_collector(world: World) -> None:
    async with world:
        gpu = await world.boot("GA102", vram="16MiB")
        async with address_space(gpu, "shared", 64) as vmm, Vm(gpu, "vm", pages=64) as vm:
            await turns_of_each_kind(gpu, vmm, vm)
            gc.collect()
            gc.disable()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                await turns_of_each_kind(gpu, vmm, vm)
                gc.collect()
                ours = {type(thing) for thing in gc.garbage if type(thing).__module__.startswith("nova_async")}
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()
    assert ours == set()


class Turn:
    """A client that does what it is told."""

    name = "turn"

    def __init__(self, error: Exception | None = None, *, waits: bool = False) -> None:
        self._error = error
        self._waits = waits

    async def run(self) -> None:
        await checkpoint()
        if self._error is not None:
            raise self._error
        if self._waits:
            await anyio.sleep_forever()


def in_turn(*clients: Client) -> Callable[[], Client | None]:
    turns: Iterator[Client] = iter(clients)
    return lambda: next(turns, None)


async def test_a_seat_counts_clean_errors_and_goes_on() -> None:
    tally = Tally()
    seat = Seat("seat#0", in_turn(Turn(EIO("dead")), Turn(), Turn(ENODEV("gone")), Turn(EIO("again"))), tally)
    await seat.run()
    assert seat.turns == 4
    assert tally.failures == {"EIO": 2, "ENODEV": 1}


async def test_an_error_that_no_fault_explains_ends_the_run() -> None:
    with pytest.raises(EINVAL):
        await Seat("seat#0", in_turn(Turn(EINVAL("a bug"))), Tally()).run()


async def test_whoever_is_killed_on_a_seat_is_followed_by_the_next() -> None:
    seat = Seat("seat#0", in_turn(Turn(waits=True), Turn(waits=True), Turn()), Tally())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(seat.run)
        for _ in range(2):
            for _ in range(5):
                await checkpoint()
            seat.kill()
    assert seat.turns == 3


async def first_kills(seed: int, count: int = 20) -> list[int]:
    killed: list[int] = []
    with anyio.CancelScope() as scope:

        def kill(victim: int) -> None:
            killed.append(victim)
            if len(killed) == count:  # the killer's own doing ends it, and not how often the loop lets it run
                scope.cancel()

        killer = Killer([partial(kill, victim) for victim in range(5)], 0.5, seed)
        await killer.run()
    assert killer.kills == count
    return killed


async def test_a_seed_decides_whom_the_killer_takes() -> None:
    assert await first_kills(1) == await first_kills(1) != await first_kills(2)
    assert set(await first_kills(1)) == set(range(5))


async def test_a_killer_that_never_strikes_kills_nobody() -> None:
    killed: list[int] = []
    killer = Killer([lambda: killed.append(0)], 0.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(killer.run)
        for _ in range(100):
            await checkpoint()
        tasks.cancel_scope.cancel()
    assert not killed
    assert killer.kills == 0


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_a_rate_that_is_no_probability_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="probability"):
        Killer([lambda: None], rate)


def test_a_killer_without_victims_is_refused() -> None:
    with pytest.raises(UsageError, match="nobody"):
        Killer([])


def test_a_tally_knows_counts_and_percentiles_of_each_kind() -> None:
    now = 0
    done = []
    tally = Tally(lambda: now, lambda: done.append(now))
    for ns in (1_000_000, 2_000_000, 40_000_000):
        with tally.timing("bind"):
            now += ns
    with tally.timing("unbind"):
        now += 5_000_000
    stats = tally.stats()
    assert (stats["operations"], stats["bind.count"], stats["unbind.count"]) == (4, 3, 1)
    assert stats["bind.p50_us"] == pytest.approx(2000, rel=0.0625)
    assert stats["bind.p99_us"] == pytest.approx(40_000, rel=0.0625)
    assert len(done) == 4


def test_what_was_not_done_is_no_operation() -> None:
    tally = Tally()
    with pytest.raises(EIO), tally.timing("bind"):
        raise EIO("no answer")
    assert tally.operations == 0
    assert tally.stats() == {"operations": 0}
