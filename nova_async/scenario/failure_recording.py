"""What happened in a failure that was explored: its schedule, run once more with somebody who keeps it.

An exploration records nothing, as it runs thousands of executions and most of them are fine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

from nova_async.events import EventKind, Recorder, Trace
from nova_async.explore import Execution, Failure, explore
from nova_async.explore.strategies import Replay
from nova_async.findings import Finding
from nova_async.lockdep import LockGraph
from nova_async.scenario.exploring import Explored, Play


@dataclass(frozen=True, slots=True)
class FailureRecording:
    """One execution that fails.

    Attributes:
        failure: how.
        events: what happened, up to where it fails or ends.
        lock_graph: which lock was taken under which.
    """

    failure: Failure
    events: Trace
    lock_graph: LockGraph


def record_failure(explored: Explored) -> FailureRecording | None:
    """Run the failure again that tells most; None if there is none.

    That is one nobody expects, if there is one, and then the rarest: what is wrong in every order shows in its own too.

    Raises:
        ReplayDiverged: something decides that the explorer does not know of: other tasks could run this time.
    """
    if not explored.failures:
        return None
    failure = _most_telling(explored)
    recorder = Recorder()
    play = Play(explored.scenario, explored.values, explored.plan, kills_known=True, record=recorder)
    recordings: list[FailureRecording] = []

    def judge(execution: Execution) -> Iterable[Finding]:
        # What is told after this is how the explorer cleans up.
        findings = tuple(play.judge(execution))
        _tell_untold(recorder, findings, execution.steps, play.scenario.name)
        recordings.append(FailureRecording(failure, recorder.trace(), play.world.lock_graph))
        return findings

    explore(play, strategy=Replay(failure.schedule), passes=play.plan.passes, judge=judge, who_holds=play.who_holds)
    return recordings[0] if recordings else None


def _most_telling(explored: Explored) -> Failure:
    """How often each was seen is known of those that the search found, before they were simplified."""
    counts = [found.count for found in explored.result.failures]
    expected = [each.finding is not None and each.finding not in explored.unexpected for each in explored.failures]
    return min(zip(expected, counts, explored.failures, strict=True), key=itemgetter(0, 1))[-1]


def _tell_untold(recorder: Recorder, findings: Iterable[Finding], step: int, scenario: str) -> None:
    """A deadlock is found by nobody in the world: no task is left who could."""
    events = recorder.trace().events
    told = {(event.resource, event.detail["message"]) for event in events if event.kind is EventKind.FINDING}
    for finding in findings:
        if (finding.code, finding.message) not in told:
            said = {"slug": finding.slug, "severity": str(finding.severity), "message": finding.message}
            recorder.add(step, finding.tasks[0] if finding.tasks else scenario, EventKind.FINDING, finding.code, said)
