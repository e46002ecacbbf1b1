"""What the exit code says (design section 7)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The end of every verb."""

    OK = 0
    UNMET = 1
    """A finding, or an expectation that was not met."""
    USAGE = 2
    OUR_BUG = 3
    INCONCLUSIVE = 4
    """A bound was hit before the asked coverage, or a replay diverged."""
    NOTHING_SELECTED = 5
    INTERRUPTED = 130
    """Partial results were written."""
