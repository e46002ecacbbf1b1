"""Executions that do not end: who is left out, who goes in circles, and what is only long."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import anyio
import pytest

from nova_async.explore import Execution, Failure, Result, Token, driver, explore, pick, programs, shrink
from nova_async.explore.continuation import LIFE
from nova_async.explore.primitives import Cell, Flag, Lock
from nova_async.explore.programs import together
from nova_async.explore.strategies import Replay
from nova_async.findings import Finding, Severity
from nova_async.operation import Kind, Operation
from nova_async.point import point
from nova_async.runtime import attending

Program = Callable[[], Awaitable[Any]]
STEPS = 60
UNFAIR: dict[str, dict[str, Any]] = {
    "dfs": {"strategy": "dfs", "max_executions": 1},
    "dpor": {"strategy": "dpor"},
    "exhaustive": {"strategy": "exhaustive", "max_executions": 5},
    "random": {"strategy": "random", "preemptions": 0, "max_executions": 10},
    "pct": {"strategy": "pct", "max_executions": 30},
}


async def spins() -> None:
    """One asks again and again whether the other is done."""
    done = Cell("done", value=False)

    async def waiter() -> None:
        while not await done.read():
            pass

    async def worker() -> None:
        await done.write(value=True)

    await together(waiter, worker)


async def barges() -> None:
    """One takes the lock again as soon as it has released it, until the other has had it."""
    lock, served = Lock("lock"), Cell("served", value=False)

    async def barging() -> None:
        while not served.value:
            async with lock:
                await served.read()

    async def waiting() -> None:
        async with lock:
            served.value = True

    await together(barging, waiting)


async def gives_way() -> None:
    """Each waits for the other to go first."""
    gone = [Cell("left", value=False), Cell("right", value=False)]

    async def polite(me: int) -> None:
        while not await gone[1 - me].read():
            await gone[me].write(value=False)
        await gone[me].write(value=True)

    await together(lambda: polite(0), lambda: polite(1))


async def polls_a_deadlock() -> None:
    """Two tasks wait for each other, and a third looks at the clock until they are done."""
    forks, left = [Lock("fork0"), Lock("fork1")], 2

    async def task(first: Lock, second: Lock) -> None:
        nonlocal left
        async with first, second:
            left -= 1

    async def poller() -> None:
        while left:  # noqa: ASYNC110  this is what it is about
            await anyio.sleep(1)

    await together(lambda: task(*forks), lambda: task(*reversed(forks)), poller)


def counts(rounds: int) -> Program:
    """Two tasks count for themselves, for long: the first could be taken for one that spins."""

    async def program() -> None:
        x = Cell("x", 0)

        async def task() -> None:
            for _ in range(rounds):
                await x.read()

        await together(task, task)

    return program


def counts_together(rounds: int) -> Program:
    """What is counted is shared; nobody has a counter of his own."""

    async def program() -> None:
        x = Cell("x", 0)

        async def task() -> None:
            while await x.read() < rounds:
                x.value += 1

        await together(task, task)

    return program


def codes(result: Result) -> set[str]:
    return {failure.finding.code for failure in result.failures if failure.finding is not None}


def only(result: Result) -> Failure:
    (failure,) = result.failures
    return failure


@pytest.mark.parametrize("how", UNFAIR)
def test_who_asks_again_and_again_is_told_of_as_starvation_by_every_strategy_that_can_be_unfair(how: str) -> None:
    result = explore(spins, max_steps=STEPS, **UNFAIR[how])
    failure = only(result)
    assert failure.message == (
        "an unfair schedule does not end: t1 could write done at each of the last 30 steps, and 1,000 more, and never "
        "had a turn, while t0 goes round (read done); in turns, it ends after 2 more steps"
    )
    assert failure.finding is not None
    assert (failure.finding.code, failure.finding.severity) == ("NOVA403", Severity.POSSIBLE)
    assert (failure.finding.tasks, failure.finding.locks) == (("t1", "t0"), ("done",))


def test_starvation_is_a_doubt_and_the_exploration_is_incomplete_but_nothing_failed() -> None:
    result = explore(spins, strategy="dfs", max_steps=STEPS, max_executions=3, stop_at_first=True)
    assert result.ok
    assert result.executions == 3
    assert f"an execution took more than {STEPS} steps (max_steps)" in result.incomplete_because


def test_a_fair_walk_over_the_same_program_says_nothing() -> None:
    assert not explore(spins, strategy="random", max_executions=50).failures


def test_who_could_go_on_again_and_again_is_left_out_too() -> None:
    result = explore(barges, strategy="dfs", max_steps=STEPS, max_executions=1)
    assert codes(result) == {"NOVA403"}
    assert "t1 could acquire lock at 15 of the last 30 steps" in only(result).message
    assert "while t0 goes round (read served, acquire lock)" in only(result).message


@pytest.mark.parametrize("how", UNFAIR)
def test_who_gives_way_for_ever_is_told_of_as_livelock_however_it_is_found(how: str) -> None:
    failure = explore(gives_way, max_steps=STEPS, **UNFAIR[how]).failures[0]
    assert failure.finding is not None
    assert (failure.finding.code, failure.finding.severity) == ("NOVA404", Severity.PROVED)
    assert sorted(failure.finding.tasks) == ["t0", "t1"]
    assert sorted(failure.finding.locks) == ["left", "right"]
    assert "t1 goes round (" in failure.message
    assert "and 1,000 more steps in turns change nothing" in failure.message


def test_a_livelock_fails() -> None:
    result = explore(gives_way, strategy="random", max_steps=STEPS, max_executions=3)
    assert codes(result) == {"NOVA404"}
    assert not result.ok
    assert only(result).count == 3


def test_a_deadlock_stays_a_deadlock() -> None:
    assert codes(explore(programs.philosophers(3), strategy="dfs", max_steps=STEPS)) == {"NOVA401"}


def test_a_deadlock_that_a_poller_hides_is_told_with_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "IDLE", 500)
    result = explore(polls_a_deadlock, strategy="dpor")
    (failure,) = [each for each in result.failures if each.finding is not None]
    assert failure.finding is not None
    assert failure.finding.code == "NOVA404"
    assert "t2 goes round (sleep)" in failure.message
    assert "t0 waits for acquire fork1" in failure.message
    assert "t1 waits for acquire fork0" in failure.message


@pytest.mark.parametrize("strategy", ["dfs", "dpor", "random", "pct"])
@pytest.mark.parametrize("program", [counts(2_500), counts_together(2_500)], ids=["own counter", "shared counter"])
def test_what_is_only_long_is_neither(program: Program, strategy: str) -> None:
    result = explore(program, strategy=strategy, max_steps=STEPS, max_executions=2)
    assert not result.failures
    assert f"an execution took more than {STEPS} steps (max_steps)" in result.incomplete_because


def test_what_would_have_ended_by_itself_is_neither() -> None:
    assert not explore(counts(70), strategy="dfs", max_steps=STEPS, max_executions=3).failures


def test_too_few_steps_to_tell_are_no_evidence() -> None:
    assert not explore(spins, strategy="dfs", max_steps=20, max_executions=1).failures


def test_a_timeout_that_is_pending_may_end_it() -> None:
    async def program() -> None:
        with anyio.fail_after(5):
            await gives_way()

    assert not explore(program, strategy="random", max_steps=STEPS, max_executions=1).failures


def test_time_may_pass_often_where_steps_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "IDLE", 50)

    async def program() -> float:
        x = Cell("x", 0)
        for _ in range(200):
            await anyio.sleep(1)
            await x.read()
        return anyio.current_time()

    assert explore(program, strategy="dfs").outcomes == {"200.0": 1}


def test_a_clock_that_is_looked_at_for_long_and_not_for_ever_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "IDLE", 50)

    async def program() -> None:
        for _ in range(5_000):
            await anyio.sleep(1)

    result = explore(program, strategy="dfs")
    assert not result.complete
    assert not result.failures


def test_nobody_who_is_blocked_is_called_starved() -> None:
    async def program() -> None:
        never = Flag("never")
        await together(never.wait, gives_way)

    failure = only(explore(program, strategy="random", max_steps=4 * STEPS, max_executions=1))
    assert failure.finding is not None
    assert failure.finding.code == "NOVA404"
    assert failure.message.endswith("t0 waits for wait never")


@pytest.mark.parametrize("program", [spins, barges, gives_way])
def test_a_token_replays_to_the_same_text(program: Program) -> None:
    found = explore(program, strategy="pct", max_steps=STEPS, max_executions=20).failures
    assert found
    for failure in found:
        for token in (Token("x", failure.schedule), Token.parse(str(Token("x", failure.schedule)))):
            assert only(explore(program, strategy=Replay(token.schedule))).message == failure.message
    long_form = Token.from_json(Token("x", found[0].schedule).to_json())
    assert only(explore(program, strategy=Replay(long_form.schedule))).message == found[0].message


def test_a_poller_replays_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "IDLE", 500)
    (failure,) = explore(polls_a_deadlock, strategy="dpor").failures
    assert only(explore(polls_a_deadlock, strategy=Replay(failure.schedule))).message == failure.message


def test_it_is_shrunk_to_few_steps_that_say_the_same() -> None:
    failure = only(explore(spins, strategy="dfs", max_steps=10_000, max_executions=1))
    simplest = shrink(spins, failure, seconds=20).failure
    assert len(simplest.schedule.steps) < 60
    assert simplest.finding is not None
    assert simplest.finding.identity == failure.identity
    again = explore(spins, strategy=Replay(simplest.schedule))
    assert only(again).message == simplest.message


def test_the_record_of_the_execution_is_not_touched_by_the_look_beyond_it() -> None:
    seen: list[Execution] = []

    async def program() -> None:
        picking = Cell("picking", value=True)

        async def picks() -> None:
            while picking.value:
                await picking.read()
                pick(2)

        async def stops() -> None:
            await picking.write(value=False)

        await together(picks, stops)

    def judge(execution: Execution) -> list[Finding]:
        seen.append(execution)
        return []

    failure = only(explore(program, strategy="dfs", max_steps=STEPS, max_executions=1, judge=judge))
    assert (seen[0].steps, len(seen[0].picks)) == (STEPS, STEPS)
    assert len(failure.schedule.picks) == STEPS
    assert only(explore(program, strategy=Replay(failure.schedule))).message == failure.message


def test_whoever_may_kill_need_not() -> None:
    """Fairness does not ask for a kill, so one that would end it changes nothing; and nobody is starved who kills."""

    def killable(others: int) -> Program:
        async def program() -> None:
            alive = Cell("alive", value=True)

            async def client() -> None:
                while await alive.read():
                    pass

            async def kill() -> None:
                await point(Operation(Kind.SIGNAL, f"{LIFE}client"))
                alive.value = False

            async def other() -> None:
                await Cell("x", 0).read()
                alive.value = False

            await together(client, kill, *[other] * others)

        return program

    alone = only(explore(killable(0), strategy="dfs", max_steps=STEPS, max_executions=1))
    assert alone.message.startswith("nobody gets anywhere: t0 goes round (read alive), and ")
    assert alone.message.endswith(" more steps in turns change nothing")
    starved = only(explore(killable(1), strategy="dfs", max_steps=STEPS, max_executions=1))
    assert starved.finding is not None
    assert (starved.finding.code, starved.finding.tasks) == ("NOVA403", ("t2", "t0"))


def test_an_attendant_that_counts_its_rounds_gets_nowhere_all_the_same() -> None:
    async def program() -> None:
        rounds = 0

        async def attendant() -> None:
            nonlocal rounds
            while True:
                rounds += 1
                await point(Operation(Kind.READ, "kswapd"))

        token = attending.set(True)
        await together(attendant)
        attending.reset(token)

    result = explore(program, strategy="dfs", max_steps=STEPS, max_executions=1)
    assert codes(result) == {"NOVA404"}


def test_what_is_found_beyond_the_end_is_not_blamed_on_the_schedule() -> None:
    """The waiter fails once it is let go; the schedule that was recorded does not come to that."""

    async def program() -> None:
        await spins()
        raise ValueError("later")

    found: list[bool] = []

    def judge(execution: Execution) -> list[Finding]:
        found.append(execution.error is not None)
        return []

    failure = only(explore(program, strategy="dfs", max_steps=STEPS, max_executions=1, judge=judge))
    assert failure.finding is not None
    assert failure.message.endswith("in turns, it ends after 2 more steps, with ValueError: later")
    assert found == [False]


@pytest.mark.parametrize("seed", range(12))
def test_programs_of_one_kind_get_one_verdict_whatever_the_seed(seed: int) -> None:
    """Spinners, counters and locks in numbers and an order that the seed draws."""
    dice = Random(seed)
    spinners, workers, rounds = dice.randint(1, 3), dice.randint(1, 2), dice.choice([3, 400])
    never = dice.random() < 0.3

    async def program() -> None:
        lock, left = Lock("lock"), Cell("left", workers)

        async def spinner() -> None:
            while await left.read():
                pass

        async def worker() -> None:
            for _ in range(rounds):
                async with lock:
                    pass
            left.value -= not never

        tasks = [spinner] * spinners + [worker] * workers
        Random(seed).shuffle(tasks)
        await together(*tasks)

    walk = explore(program, strategy="random", seed=seed, max_steps=3_000, max_executions=1)
    assert codes(walk) == ({"NOVA404"} if never else set())
    unfair = explore(program, strategy="random", preemptions=0, seed=seed, max_steps=3_000, max_executions=3)
    assert codes(unfair) <= ({"NOVA404", "NOVA403"} if never else {"NOVA403"})
