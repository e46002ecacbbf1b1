from collections import defaultdict
from itertools import pairwise

from nova_async.events import Event, EventKind, Trace
from nova_async.report.trace import Recorded, draw
from nova_async.report.trace.picture import Picture, Slice, Track


def slices(picture: Picture, group: str) -> list[tuple[str, str, int, int]]:
    """(track, name, start, end) of every slice of a group, in order of time."""
    tracks = {track for each in picture.groups if each.name == group for track in each.tracks}
    drawn = [each for each in picture.slices if each.track in tracks]
    return [(each.track.name, each.name, each.start, each.end) for each in sorted(drawn, key=lambda one: one.start)]


def test_holds_that_overlap_hand_over_hand_are_on_tracks_of_their_own(trace: Trace) -> None:
    assert slices(draw([Recorded("race", {}, trace)]), "locks") == [
        ("vm", "held by drm", 3, 10),
        ("buddy", "held by drm", 8, 12),
        ("vm", "held by vgpu", 11, 24),
    ]


def test_a_request_that_waited_is_a_slice_and_one_that_did_not_is_none(trace: Trace) -> None:
    waits = [each for each in slices(draw([Recorded("race", {}, trace)]), "tasks") if each[1].startswith("wait for")]
    assert waits == [("vgpu", "wait for vm", 5, 11), ("drm", "wait for q:1", 14, 21)]


def test_arrows_lead_from_release_to_acquisition_and_from_submission_to_signal(trace: Trace) -> None:
    picture = draw([Recorded("race", {}, trace)])
    arrows = [
        (each.name, each.source.name, each.source.start, each.target.name, each.target.start) for each in picture.flows
    ]
    assert arrows == [
        ("unblocked", "release vm", 10, "take vm", 11),
        ("submit", "submit q:1", 13, "signal q:1", 19),
        ("signal", "signal q:1", 19, "waited for q:1", 21),
    ]


def test_free_vram_and_waiters_are_counters_with_a_unit(trace: Trace) -> None:
    picture = draw([Recorded("race", {}, trace)])
    assert [(each.track.name, each.track.unit, each.at, each.value) for each in picture.counts] == [
        ("vm waiters", "count", 6, 1),
        ("free vram", "bytes", 9, 8192),
        ("vm waiters", "count", 11, 0),
        ("free vram", "bytes", 23, 12288),
    ]


def test_a_finding_is_an_instant_on_the_topmost_track(trace: Trace) -> None:
    picture = draw([Recorded("race", {}, trace)])
    (instant,) = picture.instants
    assert picture.groups[0].tracks == [instant.track]
    assert (instant.name, instant.at, instant.args["task"]) == ("NOVA104 task-ended-holding-lock", 22, "vgpu")


def test_several_runs_lie_side_by_side(trace: Trace) -> None:
    picture = draw([Recorded("one", {}, trace), Recorded("two", {"seed": "1"}, trace)])
    assert [group.name for group in picture.groups][:5:4] == ["one: findings", "two: findings"]
    assert picture.about == {"one: scenario": "one", "two: scenario": "two", "two: seed": "1"}


def test_a_trace_without_its_beginning_is_drawn_and_says_so(trace: Trace) -> None:
    for cut in range(len(trace.events)):
        picture = draw([Recorded("race", {}, Trace(trace.events[cut:], cut))])
        assert_nested(picture)
        assert picture.about.get("dropped", "0 older events") == f"{cut} older events"


def test_what_a_cancellation_left_open_ends_with_what_it_was_in() -> None:
    kinds = [EventKind.JOB_RUN, EventKind.FENCE_WAIT, EventKind.FAULT, EventKind.JOB_RAN, EventKind.FAULT]
    resources = ["job", "fence", "mmio", "job", "mmio"]
    events = [Event(at, 0, "t", *told, {}) for at, told in enumerate(zip(kinds, resources, strict=True), start=1)]
    picture = draw([Recorded("cancelled", {}, Trace(tuple(events)))])
    assert_nested(picture)
    assert slices(picture, "tasks")[:2] == [("t", "run job", 1, 4), ("t", "wait for fence", 2, 4)]
    assert [each.args.get("unfinished") for each in picture.slices[:2]] == [None, 1]


def test_readers_who_hold_a_lock_together_get_a_track_each() -> None:
    def event(at: int, task: str, kind: EventKind) -> Event:
        return Event(at, 0, task, kind, "sem", {"class": "sem"})

    took, let = EventKind.LOCK_ACQUIRED, EventKind.LOCK_RELEASE
    events = [event(1, "a", took), event(2, "b", took), event(3, "a", let), event(4, "b", let), event(5, "c", took)]
    picture = draw([Recorded("readers", {}, Trace(tuple(events)))])
    assert slices(picture, "locks") == [
        ("sem", "held by a", 1, 3),
        ("sem (2)", "held by b", 2, 4),
        ("sem", "held by c", 5, 6),
    ]


def assert_nested(picture: Picture) -> None:
    """Slices of one track lie beside or inside each other, and last."""
    by_track: dict[Track, list[Slice]] = defaultdict(list)
    for drawn in picture.slices:
        assert drawn.start < drawn.end
        by_track[drawn.track].append(drawn)
    for drawn_here in by_track.values():
        ends: list[int] = []
        for drawn in sorted(drawn_here, key=lambda each: (each.start, -each.end)):
            while ends and ends[-1] <= drawn.start:
                ends.pop()
            assert not ends or drawn.end <= ends[-1], (drawn.track.name, drawn.name)
            ends.append(drawn.end)


def test_slices_of_a_real_run_nest(picture: Picture) -> None:
    assert len(picture.slices) > 500
    assert_nested(picture)


def test_tracks_of_a_real_run_are_named_once(picture: Picture) -> None:
    for group in picture.groups:
        names = [track.name for track in group.tracks]
        assert len(names) == len(set(names))


def test_arrows_of_a_real_run_go_forward_in_time(picture: Picture) -> None:
    assert {flow.name for flow in picture.flows} == {"unblocked", "submit", "signal"}
    assert all(flow.source.end <= flow.target.start for flow in picture.flows)


def test_no_two_tasks_hold_an_exclusive_lock_at_a_time(picture: Picture) -> None:
    locks = next(group for group in picture.groups if group.name == "locks")
    for track in locks.tracks:
        holds = sorted((each.start, each.end) for each in picture.slices if each.track is track)
        assert all(end <= start for (_, end), (start, _) in pairwise(holds))
