"""What the graph of all states says of executions that do not end; and how an exhaustive search comes to tell of it."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import pytest

from nova_async.explore import Execution, Failure, Result, explore, programs
from nova_async.explore.primitives import Cell, Lock
from nova_async.explore.programs import together
from nova_async.explore.strategies import Exhaustive, Replay
from nova_async.explore.strategies.cycles import Circles, Endless, endless, is_cyclic
from nova_async.explore.strategies.state_graph import State
from nova_async.explore.task import ControlledTask
from nova_async.point import forgetting

Program = Callable[[], Awaitable[Any]]


class GoesRound(Exhaustive):
    """An exhaustive search that, when all is tried, goes round the worst circle that it has found."""

    found: Endless | None = None
    looked = False

    def begin(self, execution: Execution) -> bool:
        if super().begin(execution):
            return True
        if self.looked or self.gap:
            return False
        self.looked = True
        self.found = endless(self._graph.start)
        if self.found is None:
            return False
        self._way = list(reversed(self.found.places))
        self._place = self._decide()
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        task = super().choose(enabled, current)
        self._execution.in_circle = self.found is not None
        return task


async def ask(cell: Cell[Any]) -> Any:
    """What it holds, without remembering it: to ask again is to be where one was."""
    with forgetting():
        return await cell.read()


async def spins() -> None:
    done = Cell("done", value=False)

    async def waiter() -> None:
        while not await ask(done):
            pass

    async def worker() -> None:
        await done.write(value=True)

    await together(waiter, worker)


async def gives_way() -> None:
    gone = [Cell("left", value=False), Cell("right", value=False)]

    async def polite(me: int) -> None:
        while not await ask(gone[1 - me]):
            pass
        await gone[me].write(value=True)

    await together(lambda: polite(0), lambda: polite(1))


async def two_steps_each() -> None:
    """Ends as soon as somebody takes a single step between two of the other; never if each takes two at a time."""
    last, turn = Cell("last", (2, 0)), Cell("turn", 0)

    async def task(me: int) -> None:
        while True:
            with forgetting():
                await turn.read()
                before, run = last.value
                if run == 1 and before != me:
                    last.value = (me, 1)  # so that the other one ends, too
                    return
                last.value = (me, 3 - run if before == me else 1)

    await together(lambda: task(0), lambda: task(1))


async def polls_a_deadlock() -> None:
    forks, left = [Lock("fork0"), Lock("fork1")], Cell("left", 2)

    async def task(first: Lock, second: Lock) -> None:
        async with first, second:
            left.value -= 1

    async def poller() -> None:
        while await ask(left):
            pass

    await together(lambda: task(*forks), lambda: task(*reversed(forks)), poller)


def circled(program: Program) -> tuple[Circles | None, Result]:
    strategy = GoesRound()
    result = explore(program, strategy=strategy)
    return strategy.found.kind if strategy.found else None, result


def only(result: Result) -> Failure:
    (failure,) = result.failures
    return failure


@pytest.mark.parametrize("program", [programs.philosophers(3), programs.counter(2, 3), programs.sections(2, 3)])
def test_a_program_that_always_ends_has_no_circle(program: Program) -> None:
    circles, result = circled(program)
    assert circles is None
    assert result.complete


def test_who_asks_again_and_again_makes_unfair_circles_only() -> None:
    circles, result = circled(spins)
    assert circles is Circles.UNFAIR
    assert result.complete
    assert result.ok
    assert only(result).finding is not None
    assert "t1 could write done at each of the last" in only(result).message
    assert "while t0 goes round (read done); in turns, it ends after" in only(result).message


def test_who_waits_for_each_other_is_trapped_in_every_schedule() -> None:
    circles, result = circled(gives_way)
    assert circles is Circles.TRAPPED
    assert result.complete
    assert "t0 goes round (read right) and t1 goes round (read left)" in only(result).message


def test_a_deadlock_that_a_poller_hides_is_a_trap() -> None:
    circles, result = circled(polls_a_deadlock)
    assert circles is Circles.TRAPPED
    assert only(result).message.startswith("nobody gets anywhere: t2 goes round (read left), and ")
    assert "t0 waits for acquire fork1; t1 waits for acquire fork0" in only(result).message


def test_a_fair_schedule_that_does_not_end_is_found_though_others_do() -> None:
    circles, result = circled(two_steps_each)
    assert circles is Circles.FAIR
    assert not result.ok
    assert only(result).message.startswith(
        "nobody gets anywhere: t0 goes round (read turn) and t1 goes round (read turn), and 1,000 more steps in the "
        "same turns change nothing; in others, it ends after "
    )


@pytest.mark.parametrize("program", [spins, gives_way, two_steps_each, polls_a_deadlock])
def test_what_goes_round_replays_to_the_same_text(program: Program) -> None:
    failure = only(circled(program)[1])
    assert only(explore(program, strategy=Replay(failure.schedule))).message == failure.message


def graph(seed: int) -> tuple[State, list[State]]:
    """A random complete one of three tasks; None is an end."""
    dice = Random(seed)
    start = State(("begin",), (), None)
    states = [start]
    for _ in range(dice.randint(1, 12)):
        before = dice.choice(states)
        free = [place for place, after in enumerate(before.next) if after is None]
        if not free:
            continue
        place = dice.choice(free)
        able = tuple(task for task in "abc" if dice.random() < 0.6) or ("a",)
        before.next[place] = State(able, (), (before, place))
        states.append(before.next[place])  # type: ignore[arg-type]
    for state in states:
        for place, after in enumerate(state.next):
            if after is None and (state is start or dice.random() < 0.7):
                state.next[place] = dice.choice(states[1:] or [start])
    return start, states


def reach(state: State) -> set[int]:
    """The ids of all that can be reached by a step or more."""
    seen: set[int] = set()
    todo = [state]
    while todo:
        for after in todo.pop().next:
            if after is not None and id(after) not in seen:
                seen.add(id(after))
                todo.append(after)
    return seen


@pytest.mark.parametrize("seed", range(200))
def test_the_verdict_is_that_of_the_definition(seed: int) -> None:
    start, _ = graph(seed)
    ids = reach(start) | {id(start)}
    states = [state for state in graph_states(start) if id(state) in ids]
    by_id = {id(state): state for state in states}
    on_circle = [state for state in states if id(state) in reach(state)]
    trapped = any(all(None not in by_id[each].next for each in reach(state) | {id(state)}) for state in on_circle)
    found = endless(start)
    assert (found is not None) == bool(on_circle)
    assert (found is not None and found.kind is Circles.TRAPPED) == trapped
    if found is not None:
        check_round(start, found)


def graph_states(start: State) -> list[State]:
    seen = {id(start): start}
    todo = [start]
    while todo:
        for after in todo.pop().next:
            if after is not None and id(after) not in seen:
                seen[id(after)] = after
                todo.append(after)
    return list(seen.values())


def check_round(start: State, found: Endless) -> None:
    """The way can be gone, the round comes back, and what it says of fairness is so."""
    state = start
    for place in found.way:
        state = state.next[place]  # type: ignore[assignment]
    begin, able, busy, always = state, set[str](), set[str](), set("abc")
    for place in found.round:
        able |= set(state.options)
        always &= set(state.options)
        busy.add(state.options[place])
        state = state.next[place]  # type: ignore[assignment]
    assert state is begin
    assert found.round
    assert busy == set(found.tasks)
    if found.kind is Circles.FAIR:
        assert able == busy
    if found.kind is Circles.UNFAIR:
        assert able > busy


def test_a_long_path_needs_no_recursion() -> None:
    start = state = State(("begin",), (), None)
    for _ in range(20_000):
        after = State(("a", "b"), (), (state, 0))
        state.next[0] = after
        state = after
    state.next[0] = state
    found = endless(start)
    assert found is not None
    assert (found.kind, found.round, len(found.way)) == (Circles.UNFAIR, (0,), 20_000)


def test_a_kill_is_no_way_out_and_nobody_owes_it_a_turn() -> None:
    start = State(("begin",), (), None)
    state = State(("a", "killer of a"), (), (start, 0))
    start.next[0] = state
    state.next[0] = state
    found = endless(start)
    assert found is not None
    assert (found.kind, found.tasks) == (Circles.TRAPPED, ("a",))
    after = State(("b",), (), (state, 1))  # who goes round after a kill is seen
    state.next = [None, after]
    after.next[0] = after
    found = endless(start)
    assert found is not None
    assert (found.kind, found.way, found.tasks) == (Circles.TRAPPED, (0, 1), ("b",))
    assert is_cyclic([after])


def test_what_was_left_out_is_no_end() -> None:
    start = State(("begin",), (), None)
    state = State(("a", "b"), (), (start, 0))
    start.next[0] = state
    state.next[0] = state
    found = endless(start)
    assert found is not None
    assert found.kind is Circles.UNFAIR  # b ends it
    state.left_out = [1]
    found = endless(start)
    assert found is not None
    assert found.kind is Circles.TRAPPED
