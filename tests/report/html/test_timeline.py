from typing import Any

import pytest

from nova_async.events import EventKind, Trace
from nova_async.report.html.timeline import LOOKS, Steps, timeline_entry


def entry(trace: Trace, limit: int = 100) -> dict[str, Any]:
    return timeline_entry(Steps.of(trace, limit))


def verbs(told: dict[str, Any]) -> list[str]:
    return [f"{told['tasks'][task]} {told['kinds'][kind][3]} {what}" for _, task, kind, what, _ in told["events"]]


def test_every_kind_of_event_has_a_letter_and_a_verb() -> None:
    assert set(LOOKS) == set(EventKind)


def test_the_asking_for_a_free_lock_is_folded_into_the_getting(story: Any) -> None:
    story.tell("a", EventKind.LOCK_ACQUIRE, "pramin", at="x.py:1").tell("a", EventKind.LOCK_ACQUIRED, "pramin")
    told = entry(story.trace)
    assert verbs(told) == ["a takes pramin"]
    assert told["events"][0][4] == "at x.py:1"


@pytest.mark.parametrize(("task", "lock"), [("b", "pramin"), ("a", "tlb")])
def test_the_asking_for_another_lock_or_by_another_task_is_not(story: Any, task: str, lock: str) -> None:
    story.tell("a", EventKind.LOCK_ACQUIRE, "pramin").tell(task, EventKind.LOCK_ACQUIRED, lock)
    assert verbs(entry(story.trace)) == ["a asks for pramin", f"{task} takes {lock}"]


def test_a_hold_lasts_from_the_getting_until_before_the_release(lived: Trace) -> None:
    told = entry(lived)
    assert told["locks"] == [["placement", "lock"]]
    assert told["holds"] == [[0, "create", 3, 11], [0, "reset", 12, None]]
    assert verbs(told)[11] == "create releases placement"


def test_a_wait_lasts_from_the_contention_until_the_lock_is_got(lived: Trace) -> None:
    assert entry(lived)["waits"] == [["placement", "reset", 10, 12]]


def test_a_wait_that_was_given_up_is_over(story: Any) -> None:
    story.tell("a", EventKind.LOCK_CONTENDED, "pramin").tell("a", EventKind.LOCK_ABANDONED, "pramin")
    assert entry(story.trace)["waits"] == [["pramin", "a", 0, 1]]


def test_a_lock_that_somebody_else_releases_is_held_no_longer(story: Any) -> None:
    story.tell("a", EventKind.LOCK_ACQUIRED, "pramin").tell("b", EventKind.LOCK_RELEASE, "pramin")
    assert entry(story.trace)["holds"] == [[0, "a", 0, 1]]


def test_two_readers_release_their_own_hold(story: Any) -> None:
    for task in ("a", "b"):
        story.tell(task, EventKind.LOCK_ACQUIRED, "vm")
    story.tell("a", EventKind.LOCK_RELEASE, "vm")
    assert entry(story.trace)["holds"] == [[0, "a", 0, 2], [0, "b", 1, None]]


def test_a_signalling_section_is_a_context_and_not_a_lock(story: Any) -> None:
    story.tell("a", EventKind.SECTION_BEGIN, "dma_fence").tell("a", EventKind.SECTION_END, "dma_fence")
    assert entry(story.trace)["locks"] == [["dma_fence", "context"]]


def test_a_call_is_named_with_its_address_space(story: Any) -> None:
    story.tell("a", EventKind.CALL_BEGIN, "vm", call="prepare_map")
    story.tell("a", EventKind.CALL_END, "vm", call="prepare_map", outcome="ok")
    assert entry(story.trace)["work"] == [["prepare_map vm", "a", 0, 1]]


def test_a_page_has_the_last_steps_and_says_how_many_it_left_out(lived: Trace) -> None:
    told = entry(Trace(lived.events, dropped=5), limit=3)
    assert [step.split()[1] for step in verbs(told)] == ["breaks", "gives", "writes"]
    assert told["left_out"] == 5 + 13


def test_what_was_held_before_the_first_step_shown_is_held_from_there(lived: Trace) -> None:
    assert entry(lived, limit=3)["holds"] == [[0, "reset", 0, None]]


def test_what_was_over_before_the_first_step_shown_is_gone(lived: Trace) -> None:
    assert entry(lived, limit=3)["waits"] == []
