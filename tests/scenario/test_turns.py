"""The order of trio's tasks is the seed's, and nothing of the clock is in it."""

import importlib
from dataclasses import dataclass

import pytest

from nova_async.scenario.turns import TurnOrder, seeded_turns
from nova_async.scenario.watchdog import WATCHDOG


@dataclass
class Task:
    name: str


def batches(seed: int, *, watched: bool) -> list[list[str]]:
    """Ten batches of tasks, shuffled; every second one with a watchdog among them if it is watched."""
    order = TurnOrder(seed)
    shuffled = []
    for number in range(10):
        tasks = [Task(f"seat#{seat}") for seat in range(8)]
        if watched and number % 2:
            tasks.insert(3, Task(WATCHDOG))
        order.shuffle(tasks)
        shuffled.append([task.name for task in tasks])
    return shuffled


def test_the_watchdog_comes_last_and_changes_nobodys_turn() -> None:
    watched = batches(1, watched=True)
    assert [batch[-1] == WATCHDOG for batch in watched] == [False, True] * 5
    assert [[name for name in batch if name != WATCHDOG] for batch in watched] == batches(1, watched=False)


def test_another_seed_is_another_order() -> None:
    assert batches(1, watched=False) != batches(2, watched=False)
    assert batches(1, watched=False)[0] != batches(1, watched=False)[1]


def test_trio_has_its_own_dice_back_afterwards() -> None:
    scheduler = importlib.import_module("trio._core._run")
    before = scheduler._r

    @seeded_turns("trio", 1)
    def fails() -> None:
        assert isinstance(scheduler._r, TurnOrder)
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        fails()
    assert scheduler._r is before
