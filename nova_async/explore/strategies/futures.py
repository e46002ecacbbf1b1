"""What tasks will touch from each of their local states on, as far as was seen."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from nova_async.explore.strategies.state_graph import State
from nova_async.operation import Access

Touched = Mapping[str, int]

_WRITE = int(Access.WRITE)
"""To look up an enum's member and compare with it takes three times as long, and this is asked in every state."""


class Futures:
    """Which accesses follow each local state, and who relies on there being no others.

    Args:
        put_back: is called with every state whose reliance was in vain.
    """

    def __init__(self, put_back: Callable[[State], None]) -> None:
        self._put_back = put_back
        self._future: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._before: defaultdict[int, dict[int, None]] = defaultdict(dict)
        self._relying: defaultdict[int, list[tuple[Touched, State]]] = defaultdict(list)

    def commutes(self, touched: Iterable[tuple[str, int]], others: Iterable[int]) -> bool:
        """Whether these accesses commute with all that follows these local states."""
        futures = [future for mark in others if (future := self._future.get(mark))]
        for name, access in touched:
            for future in futures:
                if conflict(access, future.get(name, 0)):
                    return False
        return True

    def rely(self, state: State, touched: Touched, others: Iterable[int]) -> None:
        """What is left out in ``state`` is left out because they do."""
        for mark in others:
            self._relying[mark].append((touched, state))

    def rely_on_nothing(self, put_back: Callable[[State], None]) -> None:
        """Nothing is left out any more; what will be is put back by this."""
        self._put_back = put_back
        self._relying.clear()

    def follow(self, mark: int, later: int) -> None:
        """One step leads from the local state ``mark``, or the task that is in it, to the local state ``later``."""
        if mark not in self._before[later]:
            self._before[later][mark] = None
            for name, access in tuple(self._future[later].items()):
                self.learn(mark, name, access)

    def learn(self, mark: int, name: str, access: int) -> None:
        """A step from this local state does this, and so does whatever leads there."""
        places = [mark]
        while places:
            place = places.pop()
            future = self._future[place]
            known = future.get(name, 0)
            if known | access != known:
                future[name] = known | access
                self._disappoint(place, name, known | access)
                places.extend(self._before[place])

    def _disappoint(self, mark: int, name: str, access: int) -> None:
        for touched, state in self._relying.get(mark, ()):
            if conflict(touched.get(name, 0), access):
                self._put_back(state)


def conflict(mine: int, his: int) -> bool:
    """Whether it matters who is first; each any number of accesses, 0 if none."""
    return mine | his == _WRITE and mine != 0 and his != 0
