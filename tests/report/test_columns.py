from nova_async.explore.schedule import Schedule, Step
from nova_async.report.columns import columns, switches_text


def schedule(*steps: tuple[str, str, str], picks: tuple[tuple[int, int], ...] = ()) -> Schedule:
    """Of (task, operation, the runnable tasks in one string)."""
    return Schedule(tuple(Step(task, tuple(runnable.split()), did) for task, did, runnable in steps), picks)


RACE = schedule(
    ("reader", "acquire a", "reader writer"),
    ("writer", "acquire b", "reader writer"),
    ("reader", "read x", "reader"),
    ("writer", "acquire a", "writer"),
)


def test_each_task_has_a_column_and_each_switch_its_reason() -> None:
    assert columns(RACE) == [
        "step  reader     writer     switch",
        "----  ---------  ---------  ----------------------------------",
        "   1  acquire a",
        "   2             acquire b  reader is preempted",
        "   3  read x                writer is blocked before acquire a",
        "   4             acquire a  reader has ended",
    ]


def test_a_task_that_could_go_on_and_has_no_turn_has_not_ended() -> None:
    late = schedule(("a", "x", "a b"), ("b", "y", "b"), ("b", "z", "a b"))
    assert columns(late)[3].endswith("a is blocked, and has no turn any more")


def test_a_task_of_a_deadlock_is_blocked_for_ever() -> None:
    assert columns(RACE, stuck=("reader",))[-1].endswith("reader is blocked for ever")


def test_a_task_that_is_cancelled_where_it_waits_is_said_to_be() -> None:
    killed = schedule(("a", "acquire x", "a b"), ("b", "signal k", "b"), ("a", "cancelled before acquire y", "a"))
    assert columns(killed)[3].endswith("a is blocked until it is cancelled before acquire y")


def test_a_long_run_of_one_task_is_folded_unless_the_whole_is_wanted() -> None:
    long = schedule(*(("a", f"read {n}", "a b") for n in range(1, 8)), ("b", "write x", "b"))
    assert columns(long)[2:] == [
        "   1  read 1",
        "      … 5 steps",
        "   7  read 7",
        "   8             write x  a has ended",
    ]
    assert len(columns(long, whole=True)) == 2 + 8


def test_a_run_of_four_is_not_folded() -> None:
    four = schedule(*(("a", f"read {n}", "a") for n in range(4)))
    assert len(columns(four)) == 2 + 4


def test_a_step_of_a_token_that_does_not_say_what_was_done_is_a_step() -> None:
    assert columns(schedule(("a", "", "a")))[-1] == "   1  (a step)"


def test_choices_among_values_are_told_where_they_are_not_the_simplest() -> None:
    chosen = columns(schedule(("a", "alloc x", "a"), picks=((2, 0), (3, 2))))
    assert chosen[-2:] == ["", "choices among values, of 2: number 2 is 2 of 0 to 2"]
    assert "choices" not in "".join(columns(schedule(("a", "alloc x", "a"), picks=((2, 0),))))


def test_an_empty_schedule_has_only_a_heading() -> None:
    assert columns(Schedule(())) == ["step  switch", "----  ------"]


def test_switches_are_counted_in_words() -> None:
    assert switches_text(RACE) == "4 steps, 3 switches, preemptions among them: 1"
    assert switches_text(schedule(("a", "x", "a"))) == "1 step, 0 switches, preemptions among them: 0"
