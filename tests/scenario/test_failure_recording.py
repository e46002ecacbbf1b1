from dataclasses import dataclass, replace

import pytest

from nova_async.clients import VgpuCreator
from nova_async.clients.caller import Caller
from nova_async.errors import ReplayDiverged
from nova_async.events import Event, EventKind, Recorder
from nova_async.explore import Failure, explore
from nova_async.explore.strategies import Replay
from nova_async.kernel import Mutex
from nova_async.report.trace import chrome_trace, draw
from nova_async.report.trace.draw import Recorded
from nova_async.scenario import CLEAN, World, scenario
from nova_async.scenario.discovery import discover, packaged_folder
from nova_async.scenario.exploring import Explored, Plan, Play, explore_scenario
from nova_async.scenario.failure_recording import record_failure

WINDOW_RACE = str(packaged_folder() / "window_race.py")


@dataclass(frozen=True)
class Taker:
    first: Mutex[None]
    second: Mutex[None]

    async def take(self) -> None:
        async with self.first.lock(), self.second.lock():
            pass


@scenario(expect=("NOVA101", "NOVA401"))
async def crossed(world: World) -> None:
    """Is the deadlock found?"""
    a: Mutex[None] = world.kernel.private_mutex("a", None)
    b: Mutex[None] = world.kernel.private_mutex("b", None)
    async with world.clients() as clients:
        clients.start(Caller("one", Taker(a, b).take))
        clients.start(Caller("other", Taker(b, a).take))


@scenario(expect=CLEAN)
async def creator(world: World) -> None:
    """Does a creator come through?"""
    gpu = await world.boot("GA102", vram="16MiB", bar1="1MiB")
    async with world.clients() as clients:
        clients.start(VgpuCreator(gpu, 1, pages=1))


@scenario(expect="NOVA101")
async def breaks(world: World) -> None:
    """Does it hold when the order is wrong?"""
    a: Mutex[None] = world.kernel.private_mutex("a", None)
    b: Mutex[None] = world.kernel.private_mutex("b", None)
    await Taker(a, b).take()
    await Taker(b, a).take()
    raise RuntimeError("it broke")


def explored(plan: Plan | None = None) -> Explored:
    return explore_scenario(crossed, {}, plan or Plan(), shrink_seconds=1.0)


def findings_of(events: tuple[Event, ...]) -> list[str]:
    return [event.resource for event in events if event.kind is EventKind.FINDING]


def test_a_failure_is_recorded_with_what_every_task_did() -> None:
    recording = record_failure(explored())
    assert recording is not None
    events = recording.events.events
    assert {"one", "other"} <= {event.task for event in events}
    taken = {(event.task, event.resource) for event in events if event.kind is EventKind.LOCK_ACQUIRED}
    assert {("one", "a"), ("other", "b")} <= taken
    assert {(edge.held, edge.taken) for edge in recording.lock_graph.edges} >= {("a", "b"), ("b", "a")}


def test_the_rarest_failure_is_the_one_that_shows_the_others_as_well() -> None:
    recording = record_failure(explored())
    assert recording is not None
    assert recording.failure.finding is not None
    assert recording.failure.finding.code == "NOVA401"
    assert set(findings_of(recording.events.events)) == {"NOVA101", "NOVA401"}


def test_a_recording_ends_where_nobody_can_go_on() -> None:
    recording = record_failure(explored())
    assert recording is not None
    last = recording.events.events[-1]
    assert (last.kind, last.resource) == (EventKind.FINDING, "NOVA401")
    assert last.step == len(recording.failure.schedule.steps)
    assert not any(event.kind is EventKind.LOCK_ABANDONED for event in recording.events.events)


def test_a_recording_that_ends_in_the_middle_of_waits_can_be_drawn() -> None:
    recording = record_failure(explored())
    assert recording is not None
    assert "NOVA401" in chrome_trace(draw([Recorded("crossed", {}, recording.events)]))


def test_what_nobody_expects_goes_first() -> None:
    recording = record_failure(explore_scenario(breaks, {}, Plan(), shrink_seconds=0))
    assert recording is not None
    assert recording.failure.message == "RuntimeError: it broke"


def test_where_nothing_went_wrong_there_is_nothing_to_record() -> None:
    assert record_failure(explore_scenario(creator, {}, Plan(max_executions=2))) is None


PLANS = {
    "as it is": Plan(max_executions=3),
    "killed": Plan(kill=("vgpu*",), max_executions=3),
    "failing": Plan(fail=("alloc", "mmio"), failures=2, max_executions=3),
    "by every address": Plan(exact=True, max_executions=3),
    "by chance": Plan(strategy="random", seed=4, max_executions=3),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_recording_adds_no_point_and_changes_no_choice(plan: Plan) -> None:
    def steps(record: bool) -> tuple[int, object]:
        recorder = Recorder() if record else None
        play = Play(creator, {}, plan, kills_known=True, record=recorder)
        found = explore(play, strategy=plan.chooser(), max_executions=3, passes=plan.passes, judge=play.judge)
        assert (recorder is None) == (not record)
        if recorder is not None:
            assert recorder.at > found.steps
        return found.steps, found.outcomes

    assert steps(record=True) == steps(record=False)


def test_the_window_race_is_recorded_as_it_was_found() -> None:
    (race,) = discover([WINDOW_RACE])
    found = explore_scenario(race, {}, Plan(), shrink_seconds=1.0)
    recording = record_failure(found)
    assert recording is not None
    assert {"creator#1", "creator#2"} <= {event.task for event in recording.events.events}
    assert set(findings_of(recording.events.events)) == {"NOVA304", "NOVA306"}
    again = record_failure(found)
    assert again is not None
    assert again.events == recording.events


def test_a_schedule_that_does_not_lead_there_again_is_told() -> None:
    found = explored()

    def renamed(failure: Failure) -> Failure:
        first, *rest = failure.schedule.steps
        steps = (replace(first, task="nobody", runnable=("nobody",)), *rest)
        return replace(failure, schedule=replace(failure.schedule, steps=steps))

    with pytest.raises(ReplayDiverged):
        record_failure(replace(found, failures=tuple(map(renamed, found.failures))))


def test_a_replay_of_the_recorded_schedule_takes_the_same_steps() -> None:
    found = explored()
    recording = record_failure(found)
    assert recording is not None
    schedule = recording.failure.schedule
    play = Play(crossed, {}, found.plan)
    plain = explore(play, strategy=Replay(schedule), passes=found.plan.passes, judge=play.judge)
    assert plain.steps == len(schedule.steps) == recording.events.events[-1].step
