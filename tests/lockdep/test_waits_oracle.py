"""Waits and events against a brute-force oracle: whatever is told can happen.

Programs are straight lines of taking and releasing locks, setting and awaiting events. The oracle walks all their
interleavings; the validator sees one that came to its end.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from nova_async.findings import Finding
from nova_async.lockdep import Validator

Step = tuple[str, str]
Program = tuple[tuple[Step, ...], ...]
LOCKS, EVENTS = ("A", "B"), ("e", "f")


def random_task(dice: Random) -> tuple[Step, ...]:
    steps: list[Step] = []
    held: list[str] = []
    for _ in range(dice.randint(2, 6)):
        kind = dice.choice(("take", "take", "drop", "drop", "set", "wait"))
        free = [lock for lock in LOCKS if lock not in held]
        if kind == "take" and free:
            held.append(dice.choice(free))
            steps.append(("take", held[-1]))
        elif kind == "drop" and held:
            steps.append(("drop", held.pop(dice.randrange(len(held)))))
        else:
            steps.append(("set" if kind == "set" else "wait", dice.choice(EVENTS)))
    return (*steps, *(("drop", lock) for lock in held))


def random_program(dice: Random) -> Program:
    return tuple(random_task(dice) for _ in range(dice.randint(2, 3)))


@dataclass
class Machine:
    """All tasks, somewhere in their programs."""

    program: Program
    at: list[int] = field(default_factory=list)
    owner: dict[str, int] = field(default_factory=dict)
    happened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.at = self.at or [0] * len(self.program)

    def enabled(self) -> list[int]:
        return [task for task in range(len(self.program)) if self.can(task)]

    def can(self, task: int) -> bool:
        step = self.next_of(task)
        if step is None:
            return False
        kind, name = step
        return not (kind == "take" and name in self.owner) and not (kind == "wait" and name not in self.happened)

    def next_of(self, task: int) -> Step | None:
        steps = self.program[task]
        return steps[self.at[task]] if self.at[task] < len(steps) else None

    def step(self, task: int) -> Step:
        kind, name = self.program[task][self.at[task]]
        self.at[task] += 1
        if kind == "take":
            self.owner[name] = task
        elif kind == "drop":
            del self.owner[name]
        elif kind == "set":
            self.happened.add(name)
        return kind, name

    def finished(self) -> bool:
        return all(at == len(steps) for at, steps in zip(self.at, self.program, strict=True))

    def copy(self) -> "Machine":
        return Machine(self.program, list(self.at), dict(self.owner), set(self.happened))


def can_get_stuck(program: Program, waiter: int, lock: str) -> bool:
    """Whether some order ends with nobody able to go on, and the lock with ``waiter``."""
    seen: set[tuple[int, ...]] = set()
    todo = [Machine(program)]
    while todo:
        machine = todo.pop()
        if tuple(machine.at) in seen:
            continue
        seen.add(tuple(machine.at))
        enabled = machine.enabled()
        if not enabled and machine.owner.get(lock) == waiter:
            return True
        for task in enabled:
            after = machine.copy()
            after.step(task)
            todo.append(after)
    return False


def run_once(program: Program, dice: Random) -> list[tuple[int, Step]] | None:
    """Some order in which all tasks end; None if this one does not."""
    machine = Machine(program)
    run = []
    while enabled := machine.enabled():
        task = dice.choice(enabled)
        run.append((task, machine.step(task)))
    return run if machine.finished() else None


def tell(stage: Any, run: list[tuple[int, Step]]) -> Validator:
    validator = Validator(stage)
    locks = {name: validator.lock(name) for name in LOCKS}
    events = {name: validator.event(name, once=True) for name in EVENTS}
    for task, (kind, name) in run:
        stage.task = f"T{task}"
        if kind == "take":
            validator.acquire(locks[name])
        elif kind == "drop":
            validator.release(locks[name])
        elif kind == "set":
            validator.signal(events[name])
        else:
            with validator.waiting(events[name]):
                pass
    return validator


def through_one_lock(validator: Validator) -> list[Finding]:
    """The findings about an event and one lock; those through the graph are as good as its orders are."""
    before = len(validator.findings)
    validator.settle()
    return [finding for finding in validator.findings[before:] if len(finding.locks) == 2]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_of_an_event_can_happen(stage: Any, seed: int) -> None:
    dice = Random(seed)
    told = 0
    for _ in range(2000):
        program = random_program(dice)
        run = run_once(program, dice)
        for finding in through_one_lock(tell(stage, run)) if run is not None else ():
            told += 1
            assert can_get_stuck(program, int(finding.tasks[0][1:]), finding.locks[0]), (program, run, finding.message)
    assert told >= 8  # else nothing was tested


def test_the_oracle_knows_who_is_stuck() -> None:
    waits = (("take", "A"), ("wait", "e"), ("drop", "A"))
    assert can_get_stuck((waits, (("take", "A"), ("drop", "A"), ("set", "e"))), 0, "A")
    assert not can_get_stuck((waits, (("set", "e"), ("take", "A"), ("drop", "A"))), 0, "A")
