"""The work of one exhaustive search, spread over processes.

It goes in rounds. At the beginning of each the process forks, so that all workers know the same; each takes its part of
what is left to try and explores from there for a while. What they have found out goes into the books one after the
other, in the order of the workers, so that the same number of them finds the same things in the same order.

Two workers may come to the same state in one round, and both go on from there: that is the price, and why rounds are
short compared to the search, and long compared to a fork.
"""

import gc
import multiprocessing
import os
import pickle
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from nova_async.errors import InternalError, UsageError
from nova_async.explore.driver import Driver
from nova_async.explore.exploration import Exploration, Seen
from nova_async.explore.result import Failure
from nova_async.explore.strategies import Exhaustive, Strategy
from nova_async.explore.strategies.journal import Journal

ROUND = 150
"""Executions of each worker in a round."""
ALONE = 10
"""Executions before it is looked again whether there is enough to share."""
ENOUGH = 8
"""So many things left to try for each worker are enough to share."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one worker comes back with."""

    seen: Seen
    journal: Journal


class Workers:
    """So many processes for one exploration.

    Args:
        exploration: theirs.
        count: how many.

    Raises:
        UsageError: there are none, the strategy cannot be spread, or this system cannot fork.
    """

    def __init__(self, exploration: Exploration, count: int) -> None:
        self._exploration = exploration
        self._count = count
        self._strategy = spreadable(exploration.strategy)
        if count < 1:
            raise UsageError(f"workers: {count}; at least one was expected")
        if "fork" not in multiprocessing.get_all_start_methods():
            raise UsageError("workers: this system cannot fork a process; explore in one")
        self._processes = multiprocessing.get_context("fork")

    def go_on(self, driver: Driver) -> bool:
        """A round of all, or some executions alone while there is not enough to share; whether anything is left."""
        if self._strategy.rehearses or self._strategy.remaining < ENOUGH * self._count:
            return self._exploration.go_on(driver, ALONE)
        gc.freeze()  # the collector of a child would touch, and so copy, all that there is
        try:
            workers = [self._start(driver, part) for part in range(self._count)]
            for process, results in workers:
                self._add(_received(results))
                process.join()
        finally:
            gc.unfreeze()
        return True

    def _start(self, driver: Driver, part: int) -> "tuple[multiprocessing.process.BaseProcess, Connection]":
        receiver, sender = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=self._work, args=(driver, part, sender), daemon=True)
        process.start()
        sender.close()
        return process, receiver

    def _work(self, driver: Driver, part: int, results: Connection) -> None:
        """In the fork: explore a part, answer, and end without touching what the parent prints on or cleans up."""
        answer: Found | str
        try:
            answer = self._explore_part(driver, part)
        except BaseException as error:  # noqa: BLE001  it goes to the parent
            answer = f"{type(error).__name__}: {error}"
        results.send_bytes(pickle.dumps(answer))
        results.close()
        os._exit(0)

    def _explore_part(self, driver: Driver, part: int) -> Found:
        driver.loop.forked()
        exploration = self._exploration
        left, exploration.seen = exploration.left(), Seen()
        self._strategy.begin_round(part, self._count)
        executions = ROUND if left is None else min(ROUND, -(-left // self._count))
        exploration.go_on(driver, executions)
        exploration.seen.failures = {key: _portable(value) for key, value in exploration.seen.failures.items()}
        return Found(exploration.seen, self._strategy.end_round())

    def _add(self, found: Found) -> None:
        self._exploration.seen.add(found.seen)
        self._strategy.learn(found.journal)


def spreadable(strategy: Strategy) -> Exhaustive:
    """The strategy, if its work can be spread.

    Raises:
        UsageError: it cannot.
    """
    if isinstance(strategy, Exhaustive) and strategy.can_be_spread:
        return strategy
    raise UsageError("workers: only an exhaustive search without a bound on preemptions can be spread over processes")


def _received(results: Connection) -> Found:
    try:
        found = pickle.loads(results.recv_bytes())  # noqa: S301  from our own fork
    except EOFError:
        raise InternalError("a worker ended without an answer") from None
    finally:
        results.close()
    if not isinstance(found, Found):
        raise InternalError(f"a worker failed: {found}")
    return found


def _portable(failure: Failure) -> Failure:
    """Some exceptions cannot be sent; their messages can."""
    try:
        pickle.loads(pickle.dumps(failure))  # noqa: S301  our own
    except Exception:  # noqa: BLE001  whatever an exception of somebody's own does when it is copied
        return replace(failure, error=None)
    return failure
