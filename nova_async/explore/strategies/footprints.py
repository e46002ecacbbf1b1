"""What each task touches, from where it stands to its end: which steps of others commute with all of that.

Two steps commute if to every object that both touch they do what commutes, see :class:`~nova_async.operation.Access`.
Nobody knows in advance what a task will touch, so what was seen counts: all that its steps have touched from one local
state on, in any execution, and the steps of those whom it has started or woken. If more is seen later, all who relied
on less are told.

Whoever waits for a group of tasks goes on when the last of them has ended. What he does then follows the end of each of
them, but not as long as one has not moved. That is why there are two books, one that leaves out what follows a join.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from nova_async.explore.strategies.futures import Futures, Touched
from nova_async.explore.strategies.state_graph import State

MANY = "several tasks"


@dataclass(frozen=True, slots=True)
class Others:
    """Those who are not to come into the way of a task's step.

    Attributes:
        marks: their local states, see :attr:`~nova_async.explore.task.ControlledTask.mark`, by their keys.
        awaiting: the keys of those who wait until that task, with others perhaps, has ended.
    """

    marks: Mapping[str, int]
    awaiting: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step has done.

    Attributes:
        task: the key of who took it.
        mark: the local state that he took it in.
        touched: all that it has touched.
        after: the local states that it has brought about, by the keys of those who are in them.
        joined: the keys of those who have gone on in it, as a group had ended for which they waited.
        own: what it had touched before the first of these went on; None if nobody did.
    """

    task: str
    mark: int
    touched: Touched
    after: Mapping[str, int] = field(default_factory=dict)
    joined: Collection[str] = ()
    own: Touched | None = None


class Footprints:
    """The accesses of every task's every local state, and of all that come after it.

    Args:
        put_back: is called with every state that relied on steps to commute which do not.
    """

    def __init__(self, put_back: Callable[[State], None]) -> None:
        self._put_back = put_back
        self._all = Futures(put_back)
        self._unjoined = Futures(put_back)
        self._step: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._own: defaultdict[int, dict[str, int]] = defaultdict(dict)
        # Nobody's future is in the way of what one task alone touches, so only what several do is in the books.
        self._who: dict[str, str] = {}
        self._where: defaultdict[str, list[int]] = defaultdict(list)
        self._joining: dict[str, None] = {}
        self._relying: list[tuple[AbstractSet[str], State]] = []
        self._same: dict[frozenset[tuple[str, int]], Touched] = {}

    def expected(self, mark: int) -> Mapping[str, int] | None:
        """What a step from this local state touches, going by what it did before; None if it was never seen.

        Without what those do who wait for its task to end, and for others: as long as these are there they do nothing.
        """
        return self._own.get(mark)

    def commutes(self, touched: Touched, others: Others) -> bool:
        """Whether a step that touches this commutes with all that the others will do before its task moves."""
        if not others.marks.keys().isdisjoint(touched):
            return False  # it cancels one of them, and nobody ever sees what that one would have done
        shared = [(name, access) for name, access in touched.items() if self._who.get(name) is MANY]
        return self._book(others).commutes(shared, others.marks.values())

    def note(self, step: Step) -> None:
        """Add a step that was taken to the books."""
        mark, own = step.mark, step.touched if step.own is None else step.own
        new = [*_add(self._own[mark], own), *_add(self._step[mark], step.touched)]
        for name in dict.fromkeys(new):
            self._note_access(step.task, mark, name)
        for task, later in step.after.items():
            self._all.follow(mark, later)
            if task not in step.joined:
                self._unjoined.follow(mark, later)
        for task in step.joined:
            self._note_join(task)

    def rely(self, state: State, touched: Touched, others: Others) -> None:
        """Choices are left out in ``state``, as a step that touches this commutes with all that the others will do."""
        same = self._same.setdefault(frozenset(touched.items()), dict(touched))
        book = self._book(others)
        book.rely(state, same, others.marks.values())
        if book is self._unjoined:
            self._relying.append((others.awaiting, state))

    def rely_on_nothing(self, put_back: Callable[[State], None]) -> None:
        """Keep what is known of tasks, for a search that begins anew."""
        self._put_back = put_back
        self._relying.clear()
        for book in (self._all, self._unjoined):
            book.rely_on_nothing(put_back)

    def _book(self, others: Others) -> Futures:
        return self._unjoined if others.awaiting >= self._joining.keys() else self._all

    def _note_join(self, task: str) -> None:
        if task not in self._joining:
            self._joining[task] = None
            for awaiting, state in self._relying:
                if task not in awaiting:
                    self._put_back(state)

    def _note_access(self, task: str, mark: int, name: str) -> None:
        first = self._who.setdefault(name, task)
        if first is not MANY:
            self._where[name].append(mark)
            if first == task:
                return
            self._who[name] = MANY
        for place in self._where.pop(name, (mark,)):
            self._all.learn(place, name, self._step[place][name])
            self._unjoined.learn(place, name, self._own[place].get(name, 0))


def _add(known: dict[str, int], touched: Touched) -> list[str]:
    """Add what was touched; the names of which more is known now."""
    new = [name for name, access in touched.items() if known.get(name, 0) | access != known.get(name, 0)]
    for name in new:
        known[name] = known.get(name, 0) | touched[name]
    return new
