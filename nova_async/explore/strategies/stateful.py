"""Exhaustive search that tries everything in every state once.

Two tasks with 50 critical sections each can meet in 1e29 orders and in 12,800 states. An execution that reaches a state
that was seen before goes on only to where something is left to try.
"""

from collections.abc import Iterable, Sequence

from nova_async.errors import InternalError
from nova_async.explore.execution import Ending, Execution
from nova_async.explore.state import hash_name, hash_value
from nova_async.explore.strategies.cycles import Circles, endless
from nova_async.explore.strategies.dfs import bound_gap, current_first
from nova_async.explore.strategies.footprints import Footprints, Step
from nova_async.explore.strategies.journal import Arrival, Entry, Journal, Taken
from nova_async.explore.strategies.persistent import Ready, persistent_set
from nova_async.explore.strategies.protocol import Basic
from nova_async.explore.strategies.state_graph import State, StateGraph
from nova_async.explore.strategies.symmetry import Symmetry
from nova_async.explore.task import ControlledTask, awaiting
from nova_async.runtime import Naming

UNLIKE = "a state was not the same when it was reached again: something that is shared is not told to the explorer"
HIDDEN = "in one state different tasks could run at different times: something they share is not told to the explorer"
REHEARSAL = 64
"""Executions after which a search that has so much left to try begins anew, with what it knows of the tasks by then."""
LARGE = 300
"""It makes a quarter of the states needless: what was left out in vain is tried, and leads to more of its kind."""


class Exhaustive(Basic):
    """Every state, and every step out of it.

    Args:
        preemptions: leave out orders that switch away from a task that could go on more often than this; None for no
            bound. With a bound, whose turn it is and how many are left are a part of the state.
        persistent_sets: leave out what others make up for; see :mod:`~nova_async.explore.strategies.persistent`. For
            programs that tell of all they share; not together with a bound.
        forget_ended: do not tell states apart by what tasks were told that have ended since. Far fewer states, where
            nothing that such a task leaves behind is missing in the digest.

    Attributes:
        naming: it reads the histories and the digest.
        opaque: with persistent sets a cache is taken to be transparent until somebody says that it is not.
    """

    def __init__(
        self,
        preemptions: int | None = None,
        *,
        persistent_sets: bool = False,
        forget_ended: bool = False,
        naming: Naming = Naming.BIRTH,
    ) -> None:
        self.naming: Naming | None = naming
        self._forget_ended = forget_ended
        self._bound = preemptions
        self._left = 0
        self._states: dict[int, State] = {}
        self._graph = StateGraph()
        self._footprints = Footprints(self._graph.put_back) if persistent_sets and preemptions is None else None
        self.opaque: dict[str, None] | None = None if self._footprints is None or naming is Naming.EXACT else {}
        self._opaque = 0
        self._generation = 0
        self._taken: Taken | None = None
        self._chosen_in = self._graph.start
        self._fresh = False
        self._cut_short = False
        self._looked_round = False
        self._begun = 0
        self._journal: Journal | None = None
        self._state = self._graph.start
        self._place = 0
        self._way: list[int] = []
        self._goal: State | None = None
        self._execution: Execution
        self._symmetry: Symmetry
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
    def can_be_spread(self) -> bool:
        """Whether several processes can do this together."""
        return self._bound is None

    @property
    def rehearses(self) -> bool:
        """Whether it may still begin anew."""
        return self._footprints is not None and self._begun < REHEARSAL

    @property
    def remaining(self) -> int:
        """How many steps are known that were not tried yet."""
        return self._graph.untried

    def begin(self, execution: Execution) -> bool:
        """Set out for something that was not tried."""
        self._execution = execution
        self._begun += 1
        if self._journal is not None and self._learned_of_cache:
            return False  # the parent begins anew
        if self._footprints is not None and (self._learned_of_cache or self._rehearsed):
            self._begin_anew(self._footprints)
        self._symmetry = Symmetry(execution)
        self._left = self._bound or 0
        self._state = self._graph.start
        way = self._graph.way_to_open()
        if way is None:
            way = self._way_round()
        if way is None:
            return False
        self._way = way
        self._goal = self._graph.goal(way)
        self._place = self._decide()
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """On the way, as planned; then something that was not tried; nobody if nothing is left from here."""
        enabled = self._symmetry.allowed(enabled)
        if not enabled:
            return None
        state = self._state.next[self._place]
        if state is None:
            state = self._arrive(enabled, current)
        elif state is self._goal and self._states.get(self._key(current)) is not state:
            self._doubts[UNLIKE] = None
        self._state = state
        if not self._can_go_on():
            return None
        self._place = self._decide()
        task = self._named(state, enabled)
        if self._bound is not None and task is not None and task is not current and current in enabled:
            self._left -= 1
        known = state.next[self._place]
        self._fresh = known is None
        self._chosen_in = state
        if task is not None:
            self._symmetry.takes(task)
            if self._footprints is not None and (known is None or known.data):
                self._taken = Taken(task.key, _marks(self._execution.tasks), awaiting(task))
            # Which operation it was follows from the history; but not that the task was cancelled and did not do it.
            task.history = hash((task.history, task.cancelled_here))
        return task

    def pick(self, n: int) -> int:
        """Every value, wherever it is reached."""
        state = self._state.next[self._place]
        if state is None:
            state = self._add_choice(n, (self._state, self._place))
            self._write(n, state.number)
        if len(state.options) != n:
            if self._learned_of_cache:
                return 0
            raise InternalError(f"a choice among {n} values was one among {len(state.options)} before")
        self._state = state
        self._place = self._decide() if self._can_go_on() else 0
        self._fresh = state.next[self._place] is None
        return self._place

    def end(self, execution: Execution) -> None:
        """Remember whether all states were known in full."""
        if self._learned_of_cache:
            return
        self._doubts |= execution.doubts | self._symmetry.doubts
        if self._footprints is not None:
            self._doubts |= execution.untold
        self._cut_short = self._cut_short or execution.ending is Ending.TOO_LONG
        self._step_over(None, None)

    @property
    def _rehearsed(self) -> bool:
        return self._begun == REHEARSAL and self._graph.untried >= LARGE

    @property
    def _learned_of_cache(self) -> bool:
        """Whether states were told apart without what turns out to matter."""
        return self.opaque is not None and len(self.opaque) > self._opaque

    def _begin_anew(self, footprints: Footprints) -> None:
        if self._learned_of_cache:
            self._doubts.clear()  # states were taken for the same that were not
        self._opaque = len(self.opaque or ())
        self._generation += 1
        self._graph = StateGraph()
        self._states.clear()
        footprints.rely_on_nothing(self._graph.put_back)

    def _way_round(self) -> list[int] | None:
        """Once, when all was tried: the choices of an execution that does not end, the last one first.

        Only if a fair schedule allows it: whoever looks again and again whether there is work, as kswapd does, goes
        round in a circle under an unfair one, and nothing is wrong with that.
        """
        if self._looked_round or self._cut_short or self._bound is not None or self.gap:
            return None
        self._looked_round = True
        found = endless(self._graph.start)
        if found is None or found.kind is Circles.UNFAIR:
            return None
        self._execution.in_circle = True
        return list(reversed(found.places))

    def _can_go_on(self) -> bool:
        """Whether something was not tried, here or at the end of some way."""
        if not self._way and not self._state.untried:
            self._way = self._graph.way_on(self._state) or []
        return bool(self._way or self._state.untried)

    def _decide(self) -> int:
        return self._way.pop() if self._way else self._graph.try_one(self._state)

    def _arrive(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> State:
        """A step was tried for the first time; this is where it led."""
        names = tuple(task.key for task in enabled)
        options = current_first(enabled, current)
        if self._bound is not None and not self._left and current in enabled:
            self._cut = self._cut or len(options) > 1
            options = options[:1]
        key = self._key(current)
        first = self._make_up_for_all(enabled, options) if key not in self._states else ()
        arrival = Arrival(key, names, first, [place for place in options if place not in first])
        self._step_over(arrival, self._states.get(key))
        return self._lead(self._state, self._place, arrival)

    def _lead(self, state: State, place: int, arrival: Arrival) -> State:
        """Let an option lead to a state, which is added if nobody was there before."""
        after = self._states.get(arrival.key)
        if after is None:
            after = self._states[arrival.key] = self._graph.add(arrival.options, arrival.first, (state, place))
            after.left_out = list(arrival.left_out)
        elif set(arrival.options) != set(after.options):
            self._doubts[HIDDEN] = None
        if state.next[place] not in (None, after):
            self._doubts[UNLIKE] = None
            return after
        state.next[place] = after
        return after

    def _add_choice(self, n: int, before: tuple[State, int]) -> State:
        return self._graph.add(tuple(map(str, range(n))), range(n), before, data=True)

    def _make_up_for_all(self, enabled: Sequence[ControlledTask], options: Sequence[int]) -> Sequence[int]:
        """Those that seem to; each is judged once it was taken."""
        if self._footprints is None or len(options) == 1:
            return options
        marks = _marks(self._execution.tasks)
        able = [Ready(task.key, marks.pop(task.key), awaiting(task)) for task in enabled]
        enough = persistent_set(self._footprints, able, marks)
        return [place for place in options if place in enough]

    def _step_over(self, arrival: Arrival | None, known: State | None) -> None:
        """The step that was taken is over, or the execution is."""
        if not self._fresh:
            return
        self._fresh = False
        taken, self._taken = self._taken, None
        step = None
        if taken is not None and self._footprints is not None:
            step = self._step_done(taken)
            self._judge(self._chosen_in, taken, step, known)
        target = known.number if known is not None else len(self._graph.found)
        self._write(arrival, target, taken, step)

    def _judge(self, state: State, taken: Taken, step: Step, known: State | None) -> None:
        """Whether a step commutes with all that was left out where it was chosen.

        Args:
            state: where that was.
            taken: more about that.
            step: what it has done.
            known: where it has led, if that was seen before.
        """
        if self._footprints is None:
            return
        self._footprints.note(step)
        if not state.left_out:
            return
        others = taken.others(state)
        # Steps to where others have been could go round in a circle, and those left out would never come; but not if
        # each leads to a higher level.
        onward = known is None or known.level > state.level
        commutes = self._footprints.commutes(step.touched, others)
        if commutes and (onward or (known is not None and self._graph.lift(known, state))):
            self._footprints.rely(state, step.touched, others)
        else:
            self._graph.put_back(state)

    def _step_done(self, taken: Taken) -> Step:
        touching = self._execution.touching
        after = {key: mark for key, mark in _marks(self._execution.tasks).items() if taken.marks.get(key) != mark}
        own = None if touching.own is None else dict(touching.own)
        return Step(taken.task, taken.marks[taken.task], dict(touching.touched), after, tuple(touching.joined), own)

    # Several processes that do this together.

    def begin_round(self, part: int, parts: int) -> None:
        """In a fork: leave the work of the other parts to others, and keep a journal."""
        self._graph.share_out(part, parts)
        self._journal = Journal(len(self._graph.found), self._generation)

    def end_round(self) -> Journal:
        """What was found out since :meth:`begin_round`."""
        journal, self._journal = self._journal, None
        if journal is None:
            raise InternalError("no round was begun")
        journal.doubts = tuple(self._doubts)
        journal.opaque = tuple(self.opaque or ())
        return journal

    def learn(self, journal: Journal) -> None:
        """Add what a fork has found out since it was forked."""
        if self.opaque is not None:
            self.opaque |= dict.fromkeys(journal.opaque)
        if self._learned_of_cache and self._footprints is not None:
            self._begin_anew(self._footprints)
        if journal.generation != self._generation:
            return  # it is of states that were told apart by less
        found = dict(enumerate(self._graph.found[: journal.known]))
        for entry in journal.entries:
            after = self._learn_entry(entry, found[entry.source], found[entry.chosen_in])
            if after is not None:
                found[entry.target] = after
        self._doubts |= dict.fromkeys(journal.doubts)

    def _learn_entry(self, entry: Entry, state: State, chosen_in: State) -> State | None:
        self._graph.was_tried(state, entry.place)
        if isinstance(entry.leads_to, int):
            return state.next[entry.place] or self._add_choice(entry.leads_to, (state, entry.place))
        arrival = entry.leads_to
        if entry.taken is not None and entry.step is not None:
            known = self._states.get(arrival.key) if arrival is not None else None
            self._judge(chosen_in, entry.taken, entry.step, known)
        return self._lead(state, entry.place, arrival) if arrival is not None else None

    def _write(
        self, leads_to: Arrival | int | None, target: int, taken: Taken | None = None, step: Step | None = None
    ) -> None:
        if self._journal is not None:
            source, chosen_in = self._state.number, self._chosen_in.number
            self._journal.entries.append(Entry(source, self._place, chosen_in, taken, step, leads_to, target))

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
        key = execution.digest.total() ^ self._symmetry.passed
        if not self._forget_ended:
            key ^= execution.ended
        for task in execution.tasks:
            key ^= task.mark or _mark(task)
        if self._bound is not None and current is not None:
            key = hash((key, hash_name(current.key), self._left))
        timers = execution.timers.pending()
        return key if timers == (0.0,) else hash((key, hash_value(timers)))


def _marks(tasks: Iterable[ControlledTask]) -> dict[str, int]:
    """The local states of those who are at a point."""
    return {task.key: task.mark or _mark(task) for task in tasks if task.operation is not None}


def _mark(task: ControlledTask) -> int:
    operation = task.operation
    at = hash_name(operation.resource) if operation is not None else 0
    task.mark = hash((hash_name(task.key), task.history, at, task.cancelled_here))
    return task.mark
