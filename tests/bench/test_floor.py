from collections import Counter
from random import Random

import pytest

from nova_async.bench.floor import bare_counter, bare_philosophers, bare_steps, send_only, walk, walk_many
from nova_async.explore import explore
from nova_async.explore.programs import counter


def test_a_walk_takes_as_many_steps_as_the_explorer_does() -> None:
    walked = walk(bare_counter(3, 2), Random(1).random)
    assert len(walked.chosen) == len(walked.operations) == len(walked.runnable) == 6
    result = explore(counter(3, 2), strategy="random", max_executions=1)
    assert result.steps == 6
    assert not walked.deadlock


def test_walks_find_the_deadlock_and_the_meals() -> None:
    random = Random(1).random
    ends = Counter(walk(bare_philosophers(2), random).deadlock for _ in range(50))
    assert ends[True] > 0
    assert ends[False] > 0


def test_nobody_is_chosen_who_waits_for_a_lock() -> None:
    random = Random(2).random
    for _ in range(20):
        walked = walk(bare_philosophers(3), random)
        assert all(task in runnable for task, runnable in zip(walked.chosen, walked.runnable, strict=True))
        assert len(walked.chosen) <= 6


@pytest.mark.parametrize("rounds", [0, 3])
def test_bare_programs_of_any_length_end(rounds: int) -> None:
    walk_many(bare_counter(2, rounds), 2)
    send_only(bare_steps(2, rounds), 2)
    assert len(walk(bare_steps(2, rounds), Random(1).random).chosen) == 2 * rounds
