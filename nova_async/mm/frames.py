"""Who owns which VRAM frame, so that nobody maps what is not theirs (hazards.md B6).

A spinlock guards it: execute looks here in the fence path, where a buddy's lock must not be taken.
"""

from collections import Counter
from collections.abc import Sequence

from sortedcontainers import SortedDict

from nova_async.address import PAGE_SHIFT
from nova_async.errors import EPERM
from nova_async.kernel import Kernel
from nova_async.kernel.guarded import stateless
from nova_async.mm.lock_order import FRAMES


class FrameOwners:
    """The owners of all allocated frames, by runs of consecutive frames."""

    def __init__(self, kernel: Kernel) -> None:
        # first frame of a run -> (frame behind the run, owner)
        # What is owned follows from what is allocated.
        self._runs = kernel.spinlock(FRAMES, SortedDict(), state=stateless)

    def grant(self, runs: Sequence[range], owner: str) -> None:
        """From now on these frames are ``owner``'s."""
        with self._runs.lock() as owned:
            for run in runs:
                owned[run.start] = (run.stop, owner)

    def revoke(self, runs: Sequence[range]) -> None:
        """From now on these frames are nobody's."""
        with self._runs.lock() as owned:
            for run in runs:
                del owned[run.start]

    def by_owner(self) -> dict[str, int]:
        """How many frames each owner has, in the order of their lowest frame."""
        counts: Counter[str] = Counter()
        with self._runs.lock() as owned:
            for start, (stop, owner) in owned.items():
                counts[owner] += stop - start
        return dict(counts)

    def check(self, runs: Sequence[range], owner: str) -> None:
        """Refuse frames that are not ``owner``'s.

        Raises:
            EPERM: names the first such frame and whose it is.
        """
        with self._runs.lock() as owned:
            for run in runs:
                _check_run(owned, run, owner)


def _check_run(owned: "SortedDict[int, tuple[int, str]]", run: range, owner: str) -> None:
    frame = run.start
    while frame < run.stop:
        stop, whose = _covering(owned, frame)
        if whose != owner:
            raise EPERM(
                f"{owner}: frame {frame:#x} (address {frame << PAGE_SHIFT:#x}) is {whose or 'nobody'}'s",
                expected="a frame that the caller allocated",
            )
        frame = stop


def _covering(owned: "SortedDict[int, tuple[int, str]]", frame: int) -> tuple[int, str]:
    index = owned.bisect_right(frame) - 1
    if index < 0:
        return frame + 1, ""
    stop, owner = owned.peekitem(index)[1]
    return (stop, owner) if frame < stop else (frame + 1, "")


def runs_of(frames: Sequence[int]) -> list[range]:
    """Consecutive frames as ranges, in the order given."""
    runs: list[range] = []
    start = stop = -1
    for frame in frames:
        if frame != stop:
            if start >= 0:
                runs.append(range(start, stop))
            start = frame
        stop = frame + 1
    if start >= 0:
        runs.append(range(start, stop))
    return runs
