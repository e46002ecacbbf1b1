"""The checker against two oracles that share no code with it: all interleavings, and the strong cycle by definition."""

import random
from dataclasses import dataclass

import pytest

from nova_async.lockdep import litmus

LOCKS = "ABCD"


@dataclass(frozen=True, slots=True)
class Act:
    """``how`` is E, R, r, the same with a question mark, or ``-``."""

    how: str
    lock: str

    def __str__(self) -> str:
        return f"-{self.lock}" if self.how == "-" else f"{self.how}({self.lock})"


Program = tuple[tuple[Act, ...], ...]


def random_task(rng: random.Random, locks: str, *, again: bool) -> tuple[Act, ...]:
    acts: list[Act] = []
    held: list[str] = []
    for _ in range(rng.randint(2, 5)):
        if held and rng.random() < 0.25:
            acts.append(Act("-", held.pop(rng.randrange(len(held)))))
            continue
        lock = rng.choice(locks)
        if lock in held and not again:
            continue
        acts.append(Act(rng.choice(("E", "E", "R", "R", "r", "?E", "?R", "?r")), lock))
        held.append(lock)
    return (*acts, *(Act("-", lock) for lock in reversed(held)))


def random_program(rng: random.Random, tasks: int, *, again: bool) -> Program:
    locks = LOCKS[: rng.randint(2, 4)]
    return tuple(random_task(rng, locks, again=again) for _ in range(tasks))


def notation(program: Program) -> str:
    return " ; ".join(" ".join(map(str, task)) for task in program)


# The first oracle: play every interleaving.


@dataclass(frozen=True, slots=True)
class Player:
    """Where a task is, what it holds as (lock, exclusively), and whether it queues as a writer for its next step."""

    at: int = 0
    held: tuple[tuple[str, bool], ...] = ()
    queued: bool = False


def without(held: tuple[tuple[str, bool], ...], lock: str) -> tuple[tuple[str, bool], ...]:
    index = max(i for i, (name, _) in enumerate(held) if name == lock)
    return held[:index] + held[index + 1 :]


def grantable(program: Program, players: tuple[Player, ...], who: int) -> bool:
    act = program[who][players[who].at]
    holds = [exclusive for player in players for name, exclusive in player.held if name == act.lock]
    if act.how.endswith("E"):
        return not holds
    if any(holds):
        return False
    # A reader that may not nest stands behind every queued writer.
    queue = any(
        player.queued and program[i][player.at].lock == act.lock for i, player in enumerate(players) if i != who
    )
    return act.how.endswith("R") or not queue


def moves(program: Program, players: tuple[Player, ...], who: int) -> list[Player]:
    player, task = players[who], program[who]
    if player.at == len(task):
        return []
    act = task[player.at]
    if act.how == "-":
        return [Player(player.at + 1, without(player.held, act.lock))]
    if grantable(program, players, who):
        taken = Player(player.at + 1, (*player.held, (act.lock, act.how.endswith("E"))))
        return [taken]
    if act.how.startswith("?"):
        return [Player(len(task))]  # it gives up and goes home
    if act.how == "E" and not player.queued:
        return [Player(player.at, player.held, queued=True)]
    return []


def can_deadlock(program: Program) -> bool:
    start = tuple(Player() for _ in program)
    seen, todo = {start}, [start]
    while todo:
        players = todo.pop()
        following = [
            (*players[:who], moved, *players[who + 1 :])
            for who in range(len(program))
            for moved in moves(program, players, who)
        ]
        if not following and any(player.at < len(program[who]) for who, player in enumerate(players)):
            return True
        for state in following:
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return False


# The second oracle: the definition, over the graph whose nodes are the edges.

Arrow = tuple[str, str, str, str]  # from, to, held as E or S, taken as R or N


def arrows(program: Program) -> set[Arrow]:
    found: set[Arrow] = set()
    for task in program:
        held: list[Act] = []
        for act in task:
            if act.how == "-":
                held.remove(next(h for h in reversed(held) if h.lock == act.lock))
                continue
            if not act.how.startswith("?"):
                to = "R" if act.how == "R" else "N"
                found |= {
                    (h.lock, act.lock, "E" if h.how.endswith("E") else "S", to) for h in held if h.lock != act.lock
                }
            held.append(act)
    return found


def has_strong_cycle(found: set[Arrow]) -> bool:
    after = {
        arrow: {other for other in found if other[0] == arrow[1] and not (arrow[3] == "R" and other[2] == "S")}
        for arrow in found
    }
    while True:
        loose = [arrow for arrow, others in after.items() if not others]
        if not loose:
            return bool(after)
        for arrow in loose:
            del after[arrow]
        for others in after.values():
            others.difference_update(loose)


def recurses(program: Program) -> bool:
    for task in program:
        held: list[Act] = []
        for act in task:
            if act.how == "-":
                held.remove(next(h for h in reversed(held) if h.lock == act.lock))
                continue
            same = [h for h in held if h.lock == act.lock]
            if any(act.how != "R" or h.how.endswith("E") for h in same) and not act.how.startswith("?"):
                return True
            held.append(act)
    return False


@pytest.mark.parametrize("tasks", [2, 3])
def test_every_reachable_deadlock_is_reported(tasks: int) -> None:
    rng = random.Random(tasks)
    deadlocks = 0
    for _ in range(600 if tasks == 2 else 250):
        program = random_program(rng, tasks, again=True)
        if can_deadlock(program):
            deadlocks += 1
            assert litmus(notation(program)), notation(program)
    assert deadlocks > 50


@pytest.mark.parametrize("seed", range(3))
def test_a_cycle_is_reported_exactly_where_the_definition_has_one(seed: int) -> None:
    rng = random.Random(seed)
    verdicts = [0, 0]
    for _ in range(600):
        program = random_program(rng, rng.randint(3, 6), again=False)
        expected = has_strong_cycle(arrows(program))
        reported = any(finding.code == "NOVA101" for finding in litmus(notation(program)))
        assert reported == expected, notation(program)
        verdicts[expected] += 1
    assert min(verdicts) > 100


def test_recursion_is_reported_exactly_where_a_task_blocks_itself() -> None:
    rng = random.Random(7)
    for _ in range(400):
        program = random_program(rng, 1, again=True)
        reported = any(finding.code == "NOVA102" for finding in litmus(notation(program)))
        assert reported == recurses(program), notation(program)
