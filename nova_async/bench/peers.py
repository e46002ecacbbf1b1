"""Explorers of others on the same programs, where they are installed: ``pip install 'nova-async[peers]'``.

Their programs are the nearest that each can explore: asyncio's locks with a yield before every acquire, as ours step
there, or threads. What each is and does is in peers.md section 6. :mod:`.peer_process` runs them.
"""

import asyncio
import importlib
import threading
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, Protocol

RUNS = 60
"""Executions of one round; these are slow."""
PATIENCE = 500
"""Executions after which a deadlock counts as not found."""

Main = Callable[[], Coroutine[Any, Any, None]]


class Peer(Protocol):
    """One explorer."""

    @property
    def name(self) -> str:
        """As the figures have it."""
        ...

    def count(self, tasks: int, rounds: int) -> int:
        """Explore the mutex counter for a while; the number of executions."""
        ...

    def first_deadlock(self, table: int, seed: int) -> int | None:
        """Executions up to the deadlock of so many philosophers; None if it was not found."""
        ...


def counter(tasks: int, rounds: int) -> Main:
    """The mutex counter on asyncio's lock."""

    async def main() -> None:
        lock = asyncio.Lock()
        count = [0]

        async def task() -> None:
            for _ in range(rounds):
                await asyncio.sleep(0)
                async with lock:
                    count[0] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(tasks):
                group.create_task(task())

    return main


def philosophers(table: int) -> Main:
    """The dining philosophers on asyncio's locks."""

    async def main() -> None:
        forks = [asyncio.Lock() for _ in range(table)]

        async def task(number: int) -> None:
            await asyncio.sleep(0)
            async with forks[number]:
                await asyncio.sleep(0)
                async with forks[(number + 1) % table]:
                    pass

        async with asyncio.TaskGroup() as group:
            for number in range(table):
                group.create_task(task(number))

    return main


class Simloom:
    """simloom: a loop of its own, schedules by seed."""

    def __init__(self, scheduler: str | None) -> None:
        self.name = f"simloom {scheduler or 'random'}"
        self._scheduler = scheduler
        self._simloom = importlib.import_module("simloom")

    def count(self, tasks: int, rounds: int) -> int:
        """Every run another seed."""
        found = self._simloom.explore(counter(tasks, rounds), runs=RUNS, scheduler=self._scheduler)
        return int(found.runs)

    def first_deadlock(self, table: int, seed: int) -> int | None:
        """The seeds from a start of its own."""
        found = self._simloom.explore(
            philosophers(table), runs=PATIENCE, start_seed=seed * PATIENCE, scheduler=self._scheduler
        )
        return int(found.runs) if found.failures else None


class Simloop:
    """simloop: a loop of its own, schedules by seed."""

    def __init__(self, policy: str) -> None:
        self.name = f"simloop {policy}"
        self._policy = policy
        self._simloop = importlib.import_module("simloop")

    def count(self, tasks: int, rounds: int) -> int:
        """Every run another seed."""
        self._simloop.explore(counter(tasks, rounds), range(1, RUNS + 1), policy=self._policy)
        return RUNS

    def first_deadlock(self, table: int, seed: int) -> int | None:
        """The seeds from a start of its own."""
        start = 1 + seed * PATIENCE
        found = self._simloop.explore(philosophers(table), range(start, start + PATIENCE), policy=self._policy)
        return found.seeds_passed + 1 if found else None


class Frontrun:
    """frontrun: DPOR over threads."""

    name = "frontrun threads"

    def __init__(self) -> None:
        self._frontrun = importlib.import_module("frontrun")

    def count(self, tasks: int, rounds: int) -> int:
        """Until it has seen enough; it then says how many executions that were."""

        def work(state: "_Counter") -> None:
            for _ in range(rounds):
                with state.lock:
                    state.count += 1

        return int(self._explore(_Counter, [work] * tasks).num_explored)

    def first_deadlock(self, table: int, seed: int) -> int | None:  # noqa: ARG002  it throws no dice
        """Until it gives up on an execution that does not end."""
        result = self._explore(lambda: _Table(table), [_diner(number, table) for number in range(table)])
        return int(result.num_explored) if result.property_holds is False else None

    def _explore(self, setup: Callable[[], object], workers: list[Callable[[Any], None]]) -> Any:
        return self._frontrun.explore(
            setup,
            workers,
            lambda _state: True,
            preemption_bound=None,
            reproduce_on_failure=0,
            detect_io=False,
        )


class _Counter:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0


class _Table:
    def __init__(self, size: int) -> None:
        self.forks = [threading.Lock() for _ in range(size)]


def _diner(number: int, size: int) -> Callable[[_Table], None]:
    def dine(table: _Table) -> None:
        with table.forks[number], table.forks[(number + 1) % size]:
            pass

    return dine


_PEERS: dict[str, tuple[str, Callable[[], Peer]]] = {
    "simloom random": ("simloom", lambda: Simloom(None)),
    "simloom pct": ("simloom", lambda: Simloom("pct:auto")),
    "simloop random": ("simloop", lambda: Simloop("random")),
    "simloop pct": ("simloop", lambda: Simloop("pct")),
    "frontrun threads": ("frontrun", Frontrun),
}

NAMES = tuple(_PEERS)
"""Of all that are known, installed or not."""


def make(name: str) -> Peer:
    """The explorer of that name; its distribution has to be installed."""
    return _PEERS[name][1]()


def installed() -> list[str]:
    """The names of those that are."""
    return [name for name, (module, _) in _PEERS.items() if find_spec(module) is not None]


def missing() -> list[str]:
    """The distributions that are not."""
    return sorted({module for module, _ in _PEERS.values() if find_spec(module) is None})
