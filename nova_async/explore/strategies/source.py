"""Dynamic partial order reduction with source sets and sleep sets.

Abdulla, Aronis, Jonsson, Sagonas, "Source Sets", JACM 2017, algorithm 1 (POPL 2014, section 4). Simpler than the
optimal one, and with less to keep; it may begin orders that it has to give up because all of their ends are known.
"""

from collections.abc import Sequence

from nova_async.explore.strategies.happens_before import Race
from nova_async.explore.strategies.optimal import Optimal, reversed_order
from nova_async.explore.strategies.wakeup_tree import Branch, WakeupTree, initials
from nova_async.explore.task import ControlledTask


class Source(Optimal):
    """As :class:`Optimal`, with a set of first steps at every place instead of a tree of orders.

    Attributes:
        blocked: executions that were given up because all tasks were asleep.
    """

    def _prefer(self, awake: Sequence[ControlledTask]) -> ControlledTask:
        # Here it does make a difference, and none is best for all programs: lastzero(10) takes 3,328 executions with
        # the newest task first and 20,195 with the oldest, as Concuerror's does (peers.md section 3).
        return awake[-1]

    def _reverse(self, race: Race) -> None:
        """Algorithm 1, lines 6 to 9: one initial of the reversed order has to be tried from the first event's place."""
        place = self._places[race.first]
        firsts = initials(reversed_order(self._recorder, race))
        tried = {*place.sleep, *(branch.event.task for branch in place.tree.branches)}
        if firsts and not any(event.task in tried for event in firsts):
            place.tree.branches.append(Branch(firsts[0], WakeupTree()))
