"""In which order trio's tasks have their turns, by a seed."""

import importlib
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from random import Random
from typing import Any

from nova_async.scenario.watchdog import WATCHDOG


class TurnOrder(Random):
    """trio's dice, by which it shuffles each batch of tasks that can run.

    The watchdog comes and goes by the clock. In the shuffle it would change everybody's turn, and no seed would give
    the same run twice; so it comes last, and the others' order is as if it were not there.
    """

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Order a batch of tasks in place."""
        watchdogs = [task for task in x if task.name == WATCHDOG]
        others = [task for task in x if task.name != WATCHDOG] if watchdogs else list(x)
        super().shuffle(others)
        x[:] = others + watchdogs


@contextmanager
def seeded_turns(backend: str, seed: int) -> Iterator[None]:
    """Let trio shuffle its batches of runnable tasks by our seed; asyncio keeps them in order.

    trio has no public way (python-trio/trio#2675); Hypothesis does the same.
    """
    if backend != "trio":
        yield
        return
    scheduler: Any = importlib.import_module("trio._core._run")
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r  # noqa: SLF001
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r = True, TurnOrder(seed)  # noqa: SLF001
    try:
        yield
    finally:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r = before  # noqa: SLF001
