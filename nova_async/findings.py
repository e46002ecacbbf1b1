"""What a check found: data, never an exception.

A finding has a stable code (design section 7). Terminal, JSON, SARIF and the rest are pure functions of it.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self


class Severity(StrEnum):
    """How sure a finding is."""

    PROVED = "proved"
    """It happened in this schedule."""
    POSSIBLE = "possible"
    """The order of locks and events allows it."""


SLUGS = {
    "NOVA101": "circular-lock-dependency",
    "NOVA102": "recursive-acquisition",
    "NOVA103": "release-of-lock-not-held",
    "NOVA104": "task-ended-holding-lock",
    "NOVA201": "reclaim-under-window-lock",
    "NOVA202": "reclaim-in-signalling-section",
    "NOVA203": "fence-path-lock-held-across-reclaim",
    "NOVA204": "fence-wait-blocks-signalling",
    "NOVA205": "sleep-in-atomic-context",
    "NOVA301": "live-entry-to-free-page",
    "NOVA302": "orphan-or-doubly-owned-pte",
    "NOVA303": "stale-translation-used",
    "NOVA304": "window-moved-under-accessor",
    "NOVA305": "lost-at-the-end",
    "NOVA306": "unguarded-shared-state",
    "NOVA307": "promise-of-tables-too-small",
    "NOVA308": "tlb-registers-changed-before-trigger",
    "NOVA309": "failed-operation-not-undone",
    "NOVA310": "changed-without-invalidate",
    "NOVA311": "write-to-free-page",
    "NOVA312": "live-mapping-lost",
    "NOVA313": "foreign-frame-mapped",
    "NOVA314": "window-held-too-long",
    "NOVA315": "space-beyond-aperture",
    "NOVA401": "deadlock",
    "NOVA402": "fence-never-signalled",
    "NOVA403": "starvation",
    "NOVA404": "livelock",
    "NOVA901": "uncontrolled-nondeterminism",
}
"""Every code and its readable name. A retired code stays retired."""

DOUBTS = frozenset({"NOVA403"})
"""Findings that say more of the schedule than of the program: told, but nothing fails by them."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the source, as a reader would open it."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Witness:
    """Who did what, and where: ``creator#1`` ``takes pramin`` at ``mm/pramin.py:80``."""

    task: str
    did: str
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule.

    Attributes:
        code: a key of :data:`SLUGS`.
        severity: proved by this schedule, or possible by what it learned.
        message: one sentence, naming objects and tasks.
        tasks: the tasks involved, by role name, in the order of the message.
        locks: the lock classes or instances involved.
        key: what makes two findings the same finding; code and locks where empty.
        held: what the task held when it happened, oldest first.
        chain: the first witness of every step that leads to the trouble.
        columns: what could go wrong, as (task, step) rows in time order.
        advice: what to do.
        token: replays the schedule, once one is known.
    """

    code: str
    severity: Severity
    message: str
    tasks: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    key: tuple[str, ...] = field(default=(), compare=False)
    held: tuple[Witness, ...] = ()
    chain: tuple[Witness, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    advice: str = ""
    token: str = ""

    @property
    def slug(self) -> str:
        """The readable name of the rule."""
        return SLUGS[self.code]

    @property
    def is_doubt(self) -> bool:
        """Whether it is told and fails nothing, see :data:`DOUBTS`."""
        return self.code in DOUBTS

    @property
    def identity(self) -> tuple[str, ...]:
        """Two findings with the same identity are told once."""
        return self.key or (self.code, *self.locks)

    def with_token(self, token: str) -> Self:
        """The same finding, replayable."""
        return replace(self, token=token)
