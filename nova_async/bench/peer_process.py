"""Runs an explorer of somebody else in a process of its own, as its users do.

Two of them call ``gc.collect()`` in every execution, which takes as long as the process has objects: with all that this
program has loaded they would be many times slower, and with a heap that the collector passes over many times faster,
than where they are at home. The process is kept, so that it can be measured in turns with ours.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol, Self

from nova_async.bench import peers

ENVIRONMENT = {"FRONTRUN_ACTIVE": "1"}
"""frontrun refuses to run unless its command line says that it preloads a library, which serves only to see I/O."""


class Measured(Protocol):
    """An explorer that can be asked to do something, and says how long that took."""

    @property
    def name(self) -> str:
        """As the figures have it."""
        ...

    def count(self, tasks: int, rounds: int) -> tuple[int | None, float]:
        """Executions of the mutex counter, and the seconds of processor time."""
        ...

    def first_deadlock(self, table: int, seed: int) -> tuple[int | None, float]:
        """Executions up to the deadlock of so many philosophers, None if it was not found, and the seconds."""
        ...


class PeerProcess:
    """One explorer, for the length of a ``with``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", __name__, self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def count(self, tasks: int, rounds: int) -> tuple[int | None, float]:
        """Executions of the mutex counter, and the seconds of processor time."""
        return self._ask("count", tasks, rounds)

    def first_deadlock(self, table: int, seed: int) -> tuple[int | None, float]:
        """Executions up to the deadlock of so many philosophers, None if it was not found, and the seconds."""
        return self._ask("first_deadlock", table, seed)

    def _ask(self, *request: str | int) -> tuple[int | None, float]:
        write, read = self._process.stdin, self._process.stdout
        assert write is not None and read is not None  # noqa: S101, PT018  both are pipes
        print(json.dumps(request), file=write, flush=True)
        executions, seconds = json.loads(read.readline())
        return executions, seconds


@contextmanager
def started(*, wanted: bool) -> Iterator[list[Measured]]:
    """The processes of all that are installed, if they are wanted."""
    with ExitStack() as running:
        names = peers.installed() if wanted else []
        yield [running.enter_context(PeerProcess(name)) for name in names]


def answer(peer: peers.Peer, line: str) -> str:
    """Do what one line asks for."""
    verb, *arguments = json.loads(line)
    calls: dict[str, Callable[[int, int], int | None]] = {"count": peer.count, "first_deadlock": peer.first_deadlock}
    start = time.process_time()
    executions = calls[verb](*arguments)
    return json.dumps([executions, time.process_time() - start])


def _serve(name: str) -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what an explorer prints is no answer
    peer = peers.make(name)
    for line in sys.stdin:
        print(answer(peer, line), file=answers, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
