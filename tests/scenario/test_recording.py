"""What a recorder is told of a run."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

import pytest

from nova_async.clients import DrmSubmitter, VgpuCreator, Vm
from nova_async.errors import ENOMEM
from nova_async.events import Detail, Event, EventKind, Recorder, Trace
from nova_async.explore import explore
from nova_async.lockdep import Gfp
from nova_async.mm import Gpu
from nova_async.scenario import World, runner
from nova_async.scenario.discovery import discover, packaged_folder
from nova_async.scenario.parameters import values_for

K = EventKind


def recorded_world(backend: str, recorder: Recorder, seed: int = 1) -> World:
    return World(scenario="test", seed=seed, backend=backend, record=recorder)


async def clients_meet(world: World) -> Gpu:
    gpu = await world.boot()
    async with Vm(gpu, "vm", pages=64) as vm, world.clients() as clients:
        for number in range(2):
            clients.start(VgpuCreator(gpu, number))
            clients.start(DrmSubmitter(vm, number))
    return gpu


async def events_of_a_run(backend: str, seed: int = 1) -> tuple[Event, ...]:
    recorder = Recorder()
    async with recorded_world(backend, recorder, seed) as world:
        await clients_meet(world)
    assert world.findings == []
    return recorder.trace().events


def of(events: Iterable[Event], *kinds: EventKind) -> list[Event]:
    return [event for event in events if event.kind in kinds]


async def test_every_event_has_its_time_and_steps_never_go_back(anyio_backend: str) -> None:
    events = await events_of_a_run(anyio_backend)
    assert [event.at for event in events] == list(range(1, len(events) + 1))
    steps = [event.step for event in events]
    assert steps == sorted(steps)
    assert steps[-1] > 100


async def test_what_begins_also_ends(anyio_backend: str) -> None:
    count = Counter(event.kind for event in await events_of_a_run(anyio_backend))
    for begin, end in [
        (K.LOCK_ACQUIRE, K.LOCK_ACQUIRED),
        (K.LOCK_ACQUIRED, K.LOCK_RELEASE),
        (K.SECTION_BEGIN, K.SECTION_END),
        (K.FENCE_WAIT, K.FENCE_WAITED),
        (K.JOB_SUBMIT, K.JOB_RUN),
        (K.JOB_RUN, K.JOB_RAN),
        (K.JOB_RAN, K.JOB_CLEANUP),
        (K.JOB_CLEANUP, K.JOB_CLEANED),
        (K.CALL_BEGIN, K.CALL_END),
        (K.MAP, K.UNMAP),
        (K.VRAM_ALLOC, K.VRAM_FREE),
        (K.VA_ALLOC, K.VA_FREE),
        (K.TASK_BEGIN, K.TASK_END),
    ]:
        assert count[begin] == count[end] > 0, begin


async def test_a_task_begins_before_it_does_anything_and_does_nothing_after_its_end(anyio_backend: str) -> None:
    events = await events_of_a_run(anyio_backend)
    for task in {event.task for event in events}:
        mine = [event.kind for event in events if event.task == task]
        assert mine[0] is K.TASK_BEGIN
        assert mine[-1] is K.TASK_END
        assert mine.count(K.TASK_END) == 1


async def test_a_lock_is_handed_on_by_who_released_it_last(anyio_backend: str) -> None:
    events = await events_of_a_run(anyio_backend)
    by_time = {event.at: event for event in events}
    handed = [event for event in of(events, K.LOCK_ACQUIRED) if "from" in event.detail]
    assert handed
    for event in handed:
        released = by_time[int(str(event.detail["released_at"]))]
        assert (released.kind, released.resource, released.task) == (
            K.LOCK_RELEASE,
            event.resource,
            event.detail["from"],
        )


async def test_a_lock_that_was_free_is_handed_on_by_nobody(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        lock = world.kernel.private_mutex("free", None)
        for _ in range(2):
            async with lock.lock():
                pass
    assert ["from" in event.detail for event in of(recorder.trace().events, K.LOCK_ACQUIRED)] == [False, False]


async def test_a_contended_lock_names_its_holder(anyio_backend: str) -> None:
    holders: dict[str, str] = {}
    for event in await events_of_a_run(anyio_backend):
        if event.kind is K.LOCK_ACQUIRED:
            holders[event.resource] = event.task
        elif event.kind is K.LOCK_RELEASE:
            del holders[event.resource]
        elif event.kind is K.LOCK_CONTENDED:
            assert event.detail["holder"] == holders[event.resource]


async def test_the_counter_of_free_vram_agrees_with_the_allocator(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        gpu = await world.boot()
        before = await gpu.mm.buddy.avail()
        blocks = await gpu.mm.alloc_vram(3 * 4096, owner="somebody")
        last = of(recorder.trace().events, K.VRAM_ALLOC)[-1]
        assert last.detail["free"] == await gpu.mm.buddy.avail() < before
        assert (last.detail["owner"], last.detail["bytes"]) == ("somebody", 3 * 4096)
        gpu.mm.deferred.defer(blocks)
        await gpu.mm.deferred.drain()
        assert of(recorder.trace().events, K.VRAM_FREE)[-1].detail["free"] == before == await gpu.mm.buddy.avail()


def replay(trace: Trace) -> dict[int, int]:
    """The words of all tables, from the events alone."""
    words: dict[int, int] = {}
    for event in of(trace.events, K.ENTRY_WRITE):
        words |= dict(pairs(event.detail.get("words", ())))
        for start, length in pairs(event.detail.get("cleared", ())):
            words |= dict.fromkeys(range(start, start + length, 8), 0)
    return words


def pairs(detail: Detail) -> tuple[tuple[int, int], ...]:
    assert isinstance(detail, tuple)
    return detail


async def test_the_tables_can_be_rebuilt_from_the_events(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        gpu = await world.boot()
        async with Vm(gpu, "vm", pages=64) as vm, world.clients() as clients:
            clients.start(DrmSubmitter(vm, 0))
            clients.start(VgpuCreator(gpu, 0))
        words = replay(recorder.trace())
        assert len({address >> 12 for address in words}) > 4
        freed = await gpu.mm.buddy.free_runs()
        kept = [address for address in words if not any(start <= address < start + size for start, size in freed)]
        assert kept
        assert all(gpu.board.vram.read(address, 8) == words[address] for address in kept)


async def test_faults_and_kills_are_told(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        gpu = await world.boot()
        world.inject(alloc=1.0)
        with pytest.raises(ENOMEM):
            await gpu.kernel.memory.alloc(Gfp.KERNEL, "a node")
        world.kernel.faults.stop()
        async with world.clients() as clients:
            clients.start(VgpuCreator(gpu, 0))
            clients.kill("vgpu#0")
    alloc, fault = of(recorder.trace().events, K.ALLOC, K.FAULT)[:2]
    assert (alloc.resource, alloc.detail["gfp"], fault.resource) == ("a node", "GFP_KERNEL", "alloc")
    assert fault.at == alloc.at + 1
    assert [event.resource for event in of(recorder.trace().events, K.KILLED)] == ["vgpu#0"]


async def test_a_finding_is_told_by_the_task_that_broke_the_rule(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        lock = world.kernel.private_mutex("a", None)
        async with lock.lock():
            world.kernel.lockdep.release(world.kernel.lockdep.lock("b"))
        (found,) = of(recorder.trace().events, K.FINDING)
    assert found.resource == "NOVA103" == world.findings[0].code
    assert found.detail["message"] == world.findings[0].message


async def test_what_is_judged_at_the_end_is_told_too(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        gpu = await world.boot()
        await gpu.mm.alloc_vram(4096, owner="nobody")
    assert {event.resource for event in of(recorder.trace().events, K.FINDING)} == {"NOVA305"}


async def test_two_locks_of_one_name_are_told_apart(anyio_backend: str) -> None:
    recorder = Recorder()
    async with recorded_world(anyio_backend, recorder) as world:
        for lock in [world.kernel.private_mutex("twin", None) for _ in range(2)]:
            async with lock.lock():
                pass
    assert [event.resource for event in of(recorder.trace().events, K.LOCK_ACQUIRED)] == ["twin", "twin#2"]


async def test_a_world_that_nobody_records_has_no_hooks(anyio_backend: str) -> None:
    async with World(scenario="test", seed=1, backend=anyio_backend) as plain:
        bare = await plain.boot()
    async with recorded_world(anyio_backend, Recorder()) as world:
        watched = await world.boot()
    assert plain.kernel.lockdep.listener is None
    assert plain.events is None
    assert len(watched.board.listeners) == len(bare.board.listeners) + 1
    assert len(watched.mm.observers) == len(bare.mm.observers) + 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_recording_does_not_change_the_run(backend: str) -> None:
    (scenario,) = discover((str(packaged_folder() / "mixed_clients.py"),))
    values = values_for(scenario.name, scenario.parameters, {"creators": "2", "submitters": "2"})
    plain = runner.run(scenario, values, backend=backend, seed=5)
    recorded = runner.run(scenario, values, backend=backend, seed=5, record=Recorder())
    assert plain.events is None
    assert recorded.events is not None
    assert plain.stats == recorded.stats


PROGRAM = """
import hashlib
from nova_async.events import Recorder
from nova_async.scenario import runner
from nova_async.scenario.discovery import discover
from nova_async.scenario.parameters import values_for
(scenario,) = discover((FILE,))
recorder = Recorder()
values = values_for(scenario.name, scenario.parameters, {"creators": "2", "submitters": "2"})
runner.run(scenario, values, backend=BACKEND, seed=7, record=recorder)
events = recorder.trace().events
print(len(events), hashlib.sha256(repr(events).encode()).hexdigest())
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_one_seed_gives_one_trace_whatever_the_hash_seed(backend: str) -> None:
    def run(hash_seed: str) -> str:
        file = str(packaged_folder() / "mixed_clients.py")
        program = PROGRAM.replace("BACKEND", repr(backend)).replace("FILE", repr(file))
        command = [sys.executable, "-c", program]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout  # noqa: S603

    one, other = run("1"), run("2")
    assert int(one.split()[0]) > 500
    assert one == other


def test_in_an_exploration_a_step_is_a_step_of_the_schedule() -> None:
    recorders: list[Recorder] = []

    async def program() -> None:
        recorders.append(Recorder())
        async with recorded_world("asyncio", recorders[-1]) as world:
            gpu = await world.boot()
            async with world.clients() as clients:
                clients.start(VgpuCreator(gpu, 0))

    result = explore(program, strategy="random", max_executions=1)
    (recorder,) = recorders
    events = recorder.trace().events
    assert {event.step for event in of(events, K.LOCK_ACQUIRED)} <= set(range(result.steps + 1))
    assert events[-1].step == result.steps > 100


def test_one_schedule_gives_one_trace() -> None:
    traces: list[Trace] = []

    async def program() -> None:
        recorder = Recorder()
        async with recorded_world("asyncio", recorder) as world:
            await clients_meet(world)
        traces.append(recorder.trace())

    for _ in range(2):
        explore(program, strategy="random", seed=4, max_executions=2)
    assert traces[:2] == traces[2:]
    assert traces[0] != traces[1]
