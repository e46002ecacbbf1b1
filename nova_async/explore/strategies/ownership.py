"""Who touches what, over all executions: which steps are nobody else's business.

A step that touches only what its own task ever touches, and is seen by nobody to hold a lock, commutes with every step
of every other task. So it can be taken first, and the other choices left out: what they lead to is reached after it
just as well (persistent sets: Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996,
chapter 4). Nobody knows in advance what a task alone will touch. It is taken for granted until another task is seen to
touch it; then every choice that was left out on the strength of it is put back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from nova_async.explore.strategies.state_graph import State

MANY = "several tasks"


class Ownership:
    """Which task alone reads or changes each shared object, as far as was seen.

    Args:
        put_back: is called with every state whose left-out choices are needed after all.
    """

    def __init__(self, put_back: Callable[[State], None]) -> None:
        self._put_back = put_back
        self._writer: dict[str, str] = {}
        self._reader: dict[str, str] = {}
        self._relying: defaultdict[str, list[State]] = defaultdict(list)
        self._seen: dict[int, tuple[str, frozenset[tuple[str, bool]]]] = {}

    def expected_private(self, mark: int) -> bool | None:
        """Whether a task's step from this local state is private, by what it touched before; None if unknown."""
        seen = self._seen.get(mark)
        return None if seen is None else self._private(*seen)

    def private(self, task: str, touched: Mapping[str, bool]) -> bool:
        """Whether nobody else cares for a step."""
        return self._private(task, touched.items())

    def note(self, task: str, mark: int, touched: Mapping[str, bool]) -> None:
        """A task in the local state ``mark`` has taken a step that touched this."""
        self._seen[mark] = task, frozenset(touched.items())
        for name, wrote in touched.items():
            if wrote and self._writer.get(name) not in (task, MANY):
                self._learn(self._writer, name, task)
            elif not wrote and self._reader.get(name) not in (task, MANY):
                self._learn(self._reader, name, task)

    def rely(self, state: State, touched: Iterable[str]) -> None:
        """Choices are left out in ``state`` as nobody else cares for these."""
        for name in touched:
            self._relying[name].append(state)

    def _learn(self, known: dict[str, str], name: str, task: str) -> None:
        first = name not in self._writer and name not in self._reader
        known[name] = MANY if name in known else task
        if not first:
            for state in self._relying.pop(name, ()):
                self._put_back(state)

    def _private(self, task: str, touched: Iterable[tuple[str, bool]]) -> bool:
        for name, wrote in touched:
            if self._writer.get(name, task) != task or (wrote and self._reader.get(name, task) != task):
                return False
        return True
