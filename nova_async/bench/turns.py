"""Measuring in turns: A B A B, so that a slow moment of the machine hits everybody alike."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nova_async.bench.figure import Samples

ROUNDS = 5

Values = Mapping[str, float]
"""One round's values, by unit."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One who is measured.

    Attributes:
        name: of the figures.
        size: of the problem.
        measure: one round of it.
    """

    name: str
    size: int
    measure: Callable[[], Values]


def in_turns(
    samples: Samples,
    turns: Sequence[Turn],
    step: Callable[[str], None],
    *,
    seconds: float,
    rounds: int = ROUNDS,
) -> None:
    """Let everybody take turns: the first round in any case, later ones for as long as there is time.

    Args:
        samples: where the values go.
        turns: who takes part, in this order.
        step: called with a line before each turn.
        seconds: after this time no further round begins.
        rounds: how many at most.
    """
    start = time.perf_counter()
    with _alone():
        for number in range(rounds):
            if number and (time.perf_counter() - start) * (number + 1) / number > seconds:
                return
            for turn in turns:
                step(f"{turn.name}, {turn.size}, round {number + 1}")
                gc.collect()
                for unit, value in turn.measure().items():
                    samples.add(turn.name, turn.size, unit, value)


@contextmanager
def _alone() -> Iterator[None]:
    """Let nobody pay for what was there before: Python's collector passes it over, however often it is called."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def seconds_of(work: Callable[[], object]) -> float:
    """How much of a processor it takes: what others do on the machine at the same time hardly counts."""
    start = time.process_time()
    work()
    return time.process_time() - start
