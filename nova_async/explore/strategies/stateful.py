"""Exhaustive search that tries everything in every state once.

Two tasks with 50 critical sections each can meet in 1e29 orders and in 12,800 states. An execution that reaches a state
that was seen before goes on only to where something is left to try.
"""

from collections.abc import Sequence

from nova_async.errors import InternalError
from nova_async.explore.execution import Execution
from nova_async.explore.state import hash_name, hash_value
from nova_async.explore.strategies.dfs import bound_gap, current_first
from nova_async.explore.strategies.ownership import Ownership
from nova_async.explore.strategies.protocol import Basic
from nova_async.explore.strategies.state_graph import State, StateGraph
from nova_async.explore.task import ControlledTask
from nova_async.point import Naming

HIDDEN = "in one state different tasks could run at different times: something they share is not told to the explorer"


class Exhaustive(Basic):
    """Every state, and every step out of it.

    Args:
        preemptions: leave out orders that switch away from a task that could go on more often than this; None for no
            bound. With a bound, whose turn it is and how many are left are a part of the state.
        private_first: take a step that is nobody else's business before all others, and leave these out; see
            :mod:`~nova_async.explore.strategies.ownership`. For programs that tell of all they share; not together with
            a bound.
        forget_ended: do not tell states apart by what tasks were told that have ended since. Far fewer states, where
            nothing that such a task leaves behind is missing in the digest.

    Attributes:
        naming: it reads the histories and the digest.
    """

    def __init__(
        self,
        preemptions: int | None = None,
        *,
        private_first: bool = False,
        forget_ended: bool = False,
        naming: Naming = Naming.BIRTH,
    ) -> None:
        self.naming: Naming | None = naming
        self._forget_ended = forget_ended
        self._bound = preemptions
        self._left = 0
        self._states: dict[int, State] = {}
        self._graph = StateGraph()
        self._owners = Ownership(self._graph.put_back) if private_first and preemptions is None else None
        self._tried: tuple[State, str, int] | None = None
        self._state = self._graph.start
        self._place = 0
        self._way: list[int] = []
        self._execution: Execution
        self._cut = False
        self._doubts: dict[str, None] = {}

    @property
    def gap(self) -> str:
        """Orders beyond the bound, and what made states doubtful."""
        return "; ".join([bound_gap(self._bound)] * self._cut + list(self._doubts))

    @property
    def states(self) -> int:
        """How many states were visited."""
        return len(self._states)

    @property
    def remaining(self) -> int:
        """How many steps are known that were not tried yet."""
        return self._graph.untried

    def begin(self, execution: Execution) -> bool:
        """Set out for something that was not tried."""
        self._execution = execution
        self._left = self._bound or 0
        self._state = self._graph.start
        way = self._graph.way_to_open()
        if way is None:
            return False
        self._way = way
        self._place = self._decide()
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """On the way, as planned; then something that was not tried; nobody if nothing is left from here."""
        state = self._state.next[self._place]
        if state is None:
            state = self._arrive(enabled, current)
        self._state = state
        if not self._can_go_on():
            return None
        self._place = self._decide()
        task = self._named(state, enabled)
        if self._bound is not None and task is not None and task is not current and current in enabled:
            self._left -= 1
        first_time = state.next[self._place] is None
        # Whoever is alone, as at the beginning and at the end, takes nothing away from anybody.
        if task is not None and first_time and self._owners is not None and len(self._execution.tasks) > 1:
            self._tried = state, task.key, task.mark or _mark(task)
        if task is not None:
            # Which operation it was follows from the history; but not that the task was cancelled and did not do it.
            task.history = hash((task.history, task.cancelled_here))
        return task

    def pick(self, n: int) -> int:
        """Every value, wherever it is reached."""
        state = self._state.next[self._place]
        if state is None:
            state = self._graph.add(tuple(map(str, range(n))), range(n), (self._state, self._place))
        if len(state.options) != n:
            raise InternalError(f"a choice among {n} values was one among {len(state.options)} before")
        self._state = state
        self._place = self._decide() if self._can_go_on() else 0
        return self._place

    def end(self, execution: Execution) -> None:
        """Remember whether all states were known in full."""
        self._doubts |= execution.doubts
        self._judge_step(new=True)

    def _can_go_on(self) -> bool:
        """Whether something was not tried, here or at the end of some way."""
        if not self._way and not self._state.untried:
            self._way = self._graph.way_on(self._state) or []
        return bool(self._way or self._state.untried)

    def _decide(self) -> int:
        return self._way.pop() if self._way else self._graph.try_one(self._state)

    def _arrive(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> State:
        """A step was tried for the first time; this is where it led."""
        key = self._key(current)
        state = self._states.get(key)
        names = tuple(task.key for task in enabled)
        self._judge_step(new=state is None)
        if state is None:
            options = current_first(enabled, current)
            if self._bound is not None and not self._left and current in enabled:
                self._cut = self._cut or len(options) > 1
                options = options[:1]
            first = self._make_up_for_all(enabled, options)
            state = self._states[key] = self._graph.add(names, first, (self._state, self._place))
            state.left_out = [place for place in options if place not in first]
        elif set(names) != set(state.options):
            self._doubts[HIDDEN] = None
        self._state.next[self._place] = state
        return state

    def _make_up_for_all(self, enabled: Sequence[ControlledTask], options: Sequence[int]) -> Sequence[int]:
        """One that seems to be nobody else's business, if there is one; it is judged once it was taken."""
        if self._owners is None or len(options) == 1:
            return options
        marks = {place: enabled[place].mark or _mark(enabled[place]) for place in options}
        expected = {place: self._owners.expected_private(mark) for place, mark in marks.items()}
        for wanted in (True, None):
            for place in options:
                if expected[place] is wanted:
                    return (place,)
        return options

    def _judge_step(self, *, new: bool) -> None:
        """The step that was tried is over; whether it makes up for what was left out where it was taken."""
        if self._tried is None or self._owners is None:
            return
        (state, task, mark), self._tried = self._tried, None
        touched = self._execution.touched
        self._owners.note(task, mark, touched)
        if not state.left_out:
            return
        # A step back to a known state could go round in a circle, and the others would never come.
        if new and self._owners.private(task, touched):
            self._owners.rely(state, touched)
        else:
            self._graph.put_back(state)

    def _named(self, state: State, enabled: Sequence[ControlledTask]) -> ControlledTask | None:
        if len(enabled) != len(state.options):
            self._doubts[HIDDEN] = None
        key = state.options[self._place]
        for task in enabled:
            if task.key == key:
                return task
        self._doubts[HIDDEN] = None
        return None

    def _key(self, current: ControlledTask | None) -> int:
        """Every task's history, combined so that the order does not matter, and what they share."""
        execution = self._execution
        key = execution.digest.total()
        if not self._forget_ended:
            key ^= execution.ended
        for task in execution.tasks:
            key ^= task.mark or _mark(task)
        if self._bound is not None and current is not None:
            key = hash((key, hash_name(current.key), self._left))
        timers = execution.timers.pending()
        return key if timers == (0.0,) else hash((key, hash_value(timers)))


def _mark(task: ControlledTask) -> int:
    operation = task.operation
    at = hash_name(operation.resource) if operation is not None else 0
    task.mark = hash((hash_name(task.key), task.history, at, task.cancelled_here))
    return task.mark
