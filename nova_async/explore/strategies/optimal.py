"""Optimal dynamic partial order reduction: one execution for every order that differs from all others.

Abdulla, Aronis, Jonsson, Sagonas, "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction", JACM 2017,
algorithm 2 (POPL 2014, section 5): sleep sets, and a wakeup tree at every place. Races are looked at when an
execution is over, as then all that the reversed order can hold on to is known.
"""

from collections.abc import Sequence

from nova_async.errors import ReplayDiverged
from nova_async.explore.execution import Ending, Execution
from nova_async.explore.strategies.event import Event, conflict
from nova_async.explore.strategies.happens_before import Race
from nova_async.explore.strategies.protocol import Basic
from nova_async.explore.strategies.recorder import Recorder, foreseen
from nova_async.explore.strategies.tree import Path
from nova_async.explore.strategies.wakeup_tree import Branch, WakeupTree, without_initial
from nova_async.explore.task import ControlledTask


class Place:
    """The state before one step.

    A data choice in the step is tried with every value, wherever the step is tried: first with the one that a wakeup
    sequence wants, as what comes later in the sequence may need it.

    Attributes:
        sleep: the tasks whose next step was explored from here, or from where it makes no difference.
        tree: what must still be tried; the first branch is being tried.
    """

    __slots__ = ("_later", "_values", "_wanted", "sleep", "tree")

    def __init__(self, sleep: dict[str, Event], tree: WakeupTree) -> None:
        self.sleep = sleep
        self.tree = tree
        self._wanted: list[int] = []
        self._set_out()

    @property
    def event(self) -> Event:
        """The step that is being tried."""
        return self.tree.branches[0].event

    def begin(self) -> None:
        """Another execution passes through here."""
        self._values.rewind()

    def pick(self, n: int) -> int:
        """The next data choice of the step."""
        value = self._values.repeat(n)
        if value is None:
            wanted = self._wanted.pop(0) if self._wanted else 0
            value = self._values.extend([wanted, *(other for other in range(n) if other != wanted)], n)
        return value

    def turn(self) -> bool:
        """Go to the next data choice of the step, or else to the next branch; False if there is none."""
        branches = self.tree.branches
        if not branches:
            return False
        if self._values.begin():
            self._wanted = []
            # What was to follow is likely to be possible with the other values, too.
            branches[0] = Branch(self.event, self._later.copy())
            return True
        done = branches.pop(0).event
        self.sleep[done.task] = done
        self._set_out()
        return bool(branches)

    def try_first(self, event: Event) -> None:
        """Nothing is left of a wakeup sequence: begin with this step."""
        self.tree.branches.append(Branch(event, WakeupTree()))
        self._set_out()

    def first_possible(self, enabled: Sequence[ControlledTask]) -> ControlledTask | None:
        """The task of the first branch.

        If that turns out to be impossible, everybody is to be tried here: other orders were thought to be covered by
        the branch and were not inserted.
        """
        branches = self.tree.branches
        by_key = {task.key: task for task in enabled}
        while branches and self.event.task not in by_key:
            branches.pop(0)
            taken = {*self.sleep, *(branch.event.task for branch in branches)}
            branches += [Branch(foreseen(task), WakeupTree()) for task in enabled if task.key not in taken]
            self._set_out()
        return by_key[self.event.task] if branches else None

    def _set_out(self) -> None:
        if not self.tree.branches:
            return
        branch = self.tree.branches[0]
        self._values = Path()
        self._values.begin()
        self._wanted = [value for value, _ in branch.event.picks]
        self._later = branch.tree.copy() if self._wanted else WakeupTree()


class Optimal(Basic):
    """Every order that differs, once.

    Attributes:
        blocked: executions that were given up as all that could follow was explored elsewhere. None, unless a wait
            turned out to be impossible in an order that was to be tried.
    """

    def __init__(self) -> None:
        self.blocked = 0
        self._doubts: dict[str, None] = {}
        self._places: list[Place] = []
        self._recorder = Recorder()
        self._setup = Path()
        self._depth = 0
        self._known = 0

    def begin(self, execution: Execution) -> bool:
        """Turn to the deepest place at which something is left to try."""
        places = self._places
        while places and not places[-1].turn():
            places.pop()
        if places:
            self._setup.rewind()
        elif not self._setup.begin():
            return False
        for place in places:
            place.begin()
        self._known = len(places)
        self._depth = 0
        self._recorder.begin(execution, max(0, self._known - 1))
        return True

    def choose(self, enabled: Sequence[ControlledTask], current: ControlledTask | None) -> ControlledTask | None:
        """As the wakeup tree says, then anybody who is not asleep, the current task before others."""
        last = self._recorder.step_ended()
        if self._depth < self._known - 1:
            task: ControlledTask | None = _by_key(enabled, self._places[self._depth].event.task)
        elif self._depth < self._known:
            task = self._places[self._depth].first_possible(enabled)
        else:
            task = self._new_place(last, enabled, current)
        if task is None:
            self.blocked += 1
            return None
        place = self._places[self._depth]
        place.tree.branches[0].event = self._recorder.step_begins(task)
        self._depth += 1
        return task

    def pick(self, n: int) -> int:
        """Every value in turn, here or before the first step."""
        if not self._depth:
            value = self._setup.repeat(n)
            return self._setup.extend(range(n), n) if value is None else value
        return self._places[self._depth - 1].pick(n)

    def end(self, execution: Execution) -> None:
        """Have every race tried the other way round."""
        if execution.ending is not Ending.CUT:
            self._recorder.step_ended()
            self._recorder.execution_ended()
        self._doubts |= execution.doubts
        for race in self._recorder.races:
            self._reverse(race)

    @property
    def gap(self) -> str:
        """Which dependencies could not be seen."""
        return "; ".join(self._doubts)

    def _new_place(
        self, last: Event | None, enabled: Sequence[ControlledTask], current: ControlledTask | None
    ) -> ControlledTask | None:
        place = Place({}, WakeupTree())
        if last is not None:
            before = self._places[-1]
            # Only what the step cannot have changed stays asleep.
            sleep = {task: event for task, event in before.sleep.items() if not conflict(event, last)}
            place = Place(sleep, before.tree.branches[0].tree)
        task = place.first_possible(enabled) or self._somebody_awake(place, enabled, current)
        if task is not None:
            self._places.append(place)
        return task

    def _somebody_awake(
        self, place: Place, enabled: Sequence[ControlledTask], current: ControlledTask | None
    ) -> ControlledTask | None:
        awake = [task for task in enabled if task.key not in place.sleep]
        if not awake:
            return None
        task = current if current in awake else self._prefer(awake)
        place.try_first(foreseen(task))
        return task

    def _prefer(self, awake: Sequence[ControlledTask]) -> ControlledTask:
        """Whoever goes first makes no difference to how many executions it takes."""
        return awake[0]

    def _reverse(self, race: Race) -> None:
        """Algorithm 2, lines 3 to 8."""
        place = self._places[race.first]
        sequence = reversed_order(self._recorder, race)
        if sequence and all(without_initial(sequence, event) is None for event in place.sleep.values()):
            place.tree.insert(sequence)


def reversed_order(recorder: Recorder, race: Race) -> list[Event]:
    """What leads from the place of a race's first event to its second one, without the first: notdep(e, E).e'.

    Nothing, if that was not possible: a task cancelled while it was blocked can only wait on without the cancellation.
    """
    first = recorder.order.events[race.first]
    between = recorder.order.not_after(race.first)
    if race.event.task not in first.cancels:
        return [*between, race.event]
    if not between and not recorder.could_run(race.event.task, race.first):
        return []
    return [*between, race.event.undisturbed()]


def _by_key(enabled: Sequence[ControlledTask], key: str) -> ControlledTask:
    for task in enabled:
        if task.key == key:
            return task
    names = ", ".join(task.name for task in enabled)
    raise ReplayDiverged(f"{key} could take a step here before, and now only {names} can; something else decides")
