from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from nova_async.scenario import CLEAN, World, scenario
from nova_async.scenario.runner import run


@scenario(expect=("NOVA101", "NOVA401"))
async def abba(world: World) -> None:
    """Do two tasks that take two locks in opposite order get stuck?"""
    first, second = (world.kernel.private_mutex(name, None) for name in ("first", "second"))
    met = [anyio.Event(), anyio.Event()]

    async def take(mine: int) -> None:
        locks = (first, second) if mine == 0 else (second, first)
        async with locks[0].lock():
            met[mine].set()
            await met[1 - mine].wait()
            async with locks[1].lock():
                raise AssertionError("got both")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, 0, name="forward")
        tasks.start_soon(take, 1, name="backward")


@scenario(expect="NOVA401")
async def nobody_signals(world: World) -> None:
    """Is a fence that nobody signals told, also to a shielded waiter?"""
    with anyio.CancelScope(shield=True):
        await world.kernel.fence("lost:1").wait()


@scenario(expect=("NOVA203", "NOVA401"))
async def inversion(world: World) -> None:
    """Is it told that the one who waits for a fence does so in reclaim?"""
    lock, fence = world.kernel.private_mutex("shared", None), world.kernel.fence("ring:1")
    holding = anyio.Event()

    async def job() -> None:
        await holding.wait()
        with world.kernel.lockdep.signalling():
            async with lock.lock():
                await fence.signal()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(job, name="job")
        async with lock.lock():
            holding.set()
            with world.kernel.lockdep.reclaim():
                await fence.wait()


@scenario(expect=CLEAN)
async def slow(world: World) -> None:
    """Is a run that only takes its time left alone?"""
    fence = world.kernel.fence("late:1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fence.wait)
        await checkpoint()
        await anyio.sleep(0.01)
        await fence.signal()


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nova_async.scenario.watchdog.QUIET_S", 0.02)


def test_a_deadlock_ends_with_who_waits_for_what_and_who_has_it(backend: str) -> None:
    outcome = run(abba, {}, backend=backend)
    assert outcome.met, outcome
    stuck = next(finding for finding in outcome.findings if finding.code == "NOVA401")
    assert set(stuck.tasks) == {"forward", "backward"}
    assert set(stuck.locks) == {"first", "second"}
    assert "forward waits for second, which backward holds" in stuck.message
    assert "backward waits for first, which forward holds" in stuck.message
    assert {Path(site.file).name for link in stuck.chain for site in link.sites[:1]} == {"test_deadlock.py"}


def test_a_fence_that_nobody_signals_ends_the_run_too(backend: str) -> None:
    outcome = run(nobody_signals, {}, backend=backend)
    assert outcome.met, outcome
    assert outcome.findings[0].message == "no task can go on: nobody_signals waits for lost:1"


def test_a_run_that_moves_is_left_alone(backend: str) -> None:
    assert run(slow, {}, backend=backend).met


def test_a_deadlock_tells_the_contexts_that_its_tasks_are_in(backend: str) -> None:
    outcome = run(inversion, {}, backend=backend)
    assert outcome.met, outcome
    stuck = next(finding for finding in outcome.findings if finding.code == "NOVA401")
    assert "inversion reclaims memory and waits for ring:1" in stuck.message
    assert "job is in a fence-signalling section and waits for shared, which inversion holds" in stuck.message
    assert [(witness.task, witness.did) for witness in stuck.held] == [
        ("inversion", "holds shared"),
        ("inversion", "reclaims memory"),
        ("job", "is in a fence-signalling section"),
    ]
