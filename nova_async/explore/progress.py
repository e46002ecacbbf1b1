"""Why an execution does not end: somebody is left out for ever, or all go round in circles, or it is only long.

Three things are told apart:

- NOVA401, deadlock: nobody can take a step. The driver sees that by itself.
- NOVA403, starvation: somebody who can go on is never chosen, and the others do nothing but wait for him. The schedule
  is to blame: with turns for everybody, the program gets on. Weak fairness forbids to leave out whoever can go on all
  the time, strong fairness whoever can go on again and again, such as one who wants a lock that another keeps taking.
- NOVA404, livelock: everybody who can go on has turns, and nobody gets anywhere. The program is to blame.

Musuvathi and Qadeer, "Fair Stateless Model Checking", PLDI 2008, section 2, call an execution a livelock that is fair
and does not end. Their scheduler is fair from the beginning, as an unfair one never gets out of a loop that waits; here
a strategy may be as unfair as it likes, and what it has run into is looked at afterwards, in the same execution: does
it end, or get anywhere, if it goes on like that, and if it goes on in turns? An execution may be long and end, so
nothing is said where somebody still comes to where he has not been before, see :mod:`~nova_async.explore.situation`;
nor where a timer is pending that might end it, as time passes only when nobody can take a step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nova_async.explore.continuation import LIFE, Continuation, Onward, can_go_on, kills
from nova_async.explore.execution import Ending, Execution, Waiting
from nova_async.explore.loop import ControlledLoop
from nova_async.explore.task import ControlledTask
from nova_async.findings import Finding, Severity

TURNS = 4
"""The tail has so many steps for each task at least, or nothing is said."""

AT_LEAST = 1_000
"""An execution goes on for as many steps again, but for so many at least …"""

AT_MOST = 10_000
"""… and for so many at most."""

OCCASIONS = 3
"""Who could go on only now and then is left out if that was so many times, and he was passed over every time."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody who was never chosen.

    Attributes:
        task: who.
        did: what he was about to do.
        resource: to what.
        able: at how many of the last steps he could have been.
        steps: of how many.
    """

    task: ControlledTask
    did: str
    resource: str
    able: int
    steps: int

    def __str__(self) -> str:
        which = "each" if self.able == self.steps else f"{self.able:,}"
        return f"{self.task.name} could {self.did} at {which} of the last {self.steps:,} steps"


def left_out(execution: Execution) -> list[LeftOut]:
    """The tasks that could go on in the last half of an execution, all the time or again and again, and never did."""
    start = execution.steps // 2
    tail = execution.runnable[start:]
    chosen = set(execution.chosen[start:])
    found = []
    for task in execution.tasks:
        operation = task.operation
        if task in chosen or operation is None or kills(task):
            continue
        able = [task in runnable for runnable in tail]
        occasions = sum(now and not before for before, now in zip([False, *able], able, strict=False))
        if all(able) or occasions >= OCCASIONS:
            found.append(LeftOut(task, repr(operation), operation.resource, sum(able), len(able)))
    return found


def repeated(execution: Execution) -> list[ControlledTask]:
    """Whose turn it was in the last round of a schedule that repeats itself; nobody if it does not.

    Of its last half at least three rounds are the same, in who was chosen, for what, and out of whom.
    """
    tail = range(execution.steps - 1, execution.steps // 2 - 1, -1)
    chosen, did, runnable = execution.chosen, execution.operations, execution.runnable
    steps = [(chosen[at], did[at].kind, did[at].resource, tuple(runnable[at])) for at in tail]
    # The longest border of each beginning, as in the string search of Knuth, Morris and Pratt.
    borders = [0] * len(steps)
    for place in range(1, len(steps)):
        border = borders[place - 1]
        while border and steps[border] != steps[place]:
            border = borders[border - 1]
        borders[place] = border + (steps[border] == steps[place])
    length = len(steps) - borders[-1] if steps else 0
    return chosen[-length:] if 0 < length <= len(steps) // 3 else []


def why_endless(
    loop: ControlledLoop, execution: Execution, root: ControlledTask, who_waits: Callable[[], Sequence[Waiting]]
) -> Finding | None:
    """The finding for an execution that took too many steps; None if it is just long, as far as can be seen.

    The execution goes on; its record does not change.

    Args:
        loop: that it runs on.
        execution: its record.
        root: its root task.
        who_waits: names who waits for what at the moment.
    """
    idle = not any(map(can_go_on, execution.tasks))
    if not idle and execution.steps // 2 < TURNS * len(execution.tasks):
        return None
    again = min(max(AT_LEAST, execution.steps), AT_MOST)
    continuation = Continuation(loop, execution, root)
    starved = left_out(execution)
    period = repeated(execution)
    alike = continuation.go_on(again, [each.task for each in starved], period) if starved or period else None
    fair = continuation.go_on(again)
    if fair.in_circles:
        return _livelock(f"{fair.steps:,} more steps in turns change nothing", fair, who_waits())
    if alike is None or not alike.in_circles:
        return None
    if starved:
        return _starvation(starved, alike, fair)
    tried = f"{alike.steps:,} more steps in the same turns change nothing; in others, {_result(fair)}"
    return _livelock(tried, alike, ())


def _starvation(starved: Sequence[LeftOut], alike: Onward, fair: Onward) -> Finding:
    names = tuple(each.task.name for each in starved)
    round_ = tuple(task.name for task in alike.going_round)
    return Finding(
        code="NOVA403",
        severity=Severity.POSSIBLE,
        message=(
            f"an unfair schedule does not end: {'; '.join(map(str, starved))}, and {alike.steps:,} more, "
            f"and never had a turn, while {_rounds(alike)}; in turns, {_result(fair)}"
        ),
        tasks=names + round_,
        locks=tuple(dict.fromkeys(each.resource for each in starved)),
        key=("NOVA403", *sorted(names), *sorted(round_)),
        advice=(
            "Let whoever waits sleep until it is his turn, instead of asking again and again, or take locks in turn; "
            "where the scheduler is fair, this does not happen."
        ),
    )


def _livelock(tried: str, onward: Onward, waiting: Sequence[Waiting]) -> Finding:
    tasks = tuple(task.name for task in onward.going_round)
    others = [each for each in waiting if each.task not in tasks and LIFE not in each.what]
    return Finding(
        code="NOVA404",
        severity=Severity.PROVED,
        message="; ".join([f"nobody gets anywhere: {_rounds(onward)}, and {tried}", *map(str, others)]),
        tasks=tasks + tuple(each.task for each in others),
        locks=tuple(dict.fromkeys(resource for did in onward.rounds.values() for resource in did.values() if resource)),
        key=("NOVA404", *sorted(tasks)),
        advice="Let one of them insist: an order among them, or a wait that somebody ends, instead of trying again.",
    )


def _rounds(onward: Onward) -> str:
    said = [f"{task.name} goes round ({', '.join(onward.rounds[task])})" for task in onward.going_round]
    return " and ".join(said)


def _result(fair: Onward) -> str:
    match fair.ending:
        case Ending.RETURNED:
            return f"it ends after {fair.steps:,} more steps"
        case Ending.RAISED:
            return f"it ends after {fair.steps:,} more steps, with {fair.raised}"
        case Ending.DEADLOCK:
            return f"it comes to a deadlock after {fair.steps:,} more steps"
        case _:
            return f"it gets on, {fair.steps:,} more steps so far"
