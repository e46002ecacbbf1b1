"""A schedule for people: one column for each task, time going down, and why another task takes over.

A pure function of the schedule.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from nova_async.explore.schedule import CANCELLED, Schedule, Step
from nova_async.report.text import count

LONG_RUN = 4
"""A task's run of more steps than this is folded."""

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        number: of the step, from 1; empty where steps are folded.
        task: whose column.
        did: what stands in it.
        switch: why the task of the row above does not go on; empty if nobody took over.
    """

    number: str
    task: str
    did: str
    switch: str = ""


def columns(schedule: Schedule, *, stuck: Collection[str] = (), whole: bool = False) -> list[str]:
    """The schedule as lines.

    Args:
        schedule: what was chosen.
        stuck: the tasks that never go on, of a deadlock: they have not ended.
        whole: every step, instead of the first and the last of a long run.
    """
    rows = list(_rows(schedule.steps, stuck, whole=whole))
    tasks = list(dict.fromkeys(step.task for step in schedule.steps))
    titles = ["step", *tasks, "switch"]
    cells = [[row.number, *(row.did if row.task == task else "" for task in tasks), row.switch] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines = [_line(each, widths) for each in (titles, ["-" * width for width in widths], *cells)]
    return lines + _picks(schedule.picks)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, *others = cells
    padded = [cell.ljust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return _GAP.join([number.rjust(widths[0]), *padded]).rstrip()


def _rows(steps: Sequence[Step], stuck: Collection[str], *, whole: bool) -> Iterator[Row]:
    before = ""
    for task, run in groupby(enumerate(steps), key=lambda step: step[1].task):
        numbered = list(run)
        first, _ = numbered[0]
        switch = _why(before, steps, first, stuck) if before else ""
        yield Row(str(first + 1), task, _did(steps[first]), switch)
        yield from _rest(numbered[1:], fold=not whole and len(numbered) > LONG_RUN)
        before = task


def _rest(run: Sequence[tuple[int, Step]], *, fold: bool) -> Iterator[Row]:
    shown = run
    if fold:
        yield Row("", run[0][1].task, f"… {len(run) - 1} steps")
        shown = run[-1:]
    for number, step in shown:
        yield Row(str(number + 1), step.task, _did(step))


def _did(step: Step) -> str:
    return step.did or "(a step)"  # a token does not say what was done


def _why(task: str, steps: Sequence[Step], at: int, stuck: Collection[str]) -> str:
    """Why ``task``, which ran last, does not make step ``at``."""
    if task in steps[at].runnable:
        return f"{task} is preempted"
    # It may wait for something that is no point, so what it does next need not be what it waits for.
    then = next((step for step in steps[at:] if step.task == task), None)
    if then is not None:
        cancelled = then.did.startswith(CANCELLED)
        return f"{task} is blocked {'until it is ' if cancelled else 'before '}{_did(then)}"
    if task in stuck:
        return f"{task} is blocked for ever"
    able = any(task in step.runnable for step in steps[at:])
    return f"{task} is blocked, and has no turn any more" if able else f"{task} has ended"


def _picks(picks: Sequence[tuple[int, int]]) -> list[str]:
    """The choices among values that are not the simplest, which is 0."""
    chosen = [f"number {at} is {value} of 0 to {n - 1}" for at, (n, value) in enumerate(picks, start=1) if value]
    return ["", f"choices among values, of {len(picks)}: {'; '.join(chosen)}"] if chosen else []


def switches_text(schedule: Schedule) -> str:
    """``4 steps, 2 switches, preemptions among them: 1``."""
    steps = count(len(schedule.steps), "step")
    switches = f"{schedule.switches} {'switch' if schedule.switches == 1 else 'switches'}"
    return f"{steps}, {switches}, preemptions among them: {schedule.preemptions}"
