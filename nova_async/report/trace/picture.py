"""What a viewer of traces can draw, before anybody decides on a file format.

Slices of one track nest or lie beside each other: viewers draw anything else wrongly, or drop it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Args = Mapping[str, str | int]


@dataclass(slots=True, eq=False)
class Track:
    """One line of the picture.

    Attributes:
        name: shown beside it.
        unit: of a counter: ``bytes`` or ``count``; empty for a track of slices.
    """

    name: str
    unit: str = ""


@dataclass(slots=True, eq=False)
class Group:
    """Tracks that belong together, in the order in which they are shown."""

    name: str
    tracks: list[Track] = field(default_factory=list)

    def track(self, name: str, unit: str = "") -> Track:
        """A new track at the end."""
        self.tracks.append(Track(name, unit))
        return self.tracks[-1]


@dataclass(slots=True, eq=False)
class Slice:
    """Something that lasts.

    Attributes:
        start: the tick in which it begins; end: the tick before which it ends.
    """

    track: Track
    name: str
    start: int
    end: int
    args: Args


@dataclass(frozen=True, slots=True)
class Instant:
    """Something that everybody should see, at one tick."""

    track: Track
    name: str
    at: int
    args: Args


@dataclass(frozen=True, slots=True)
class Count:
    """A counter has this value from a tick on."""

    track: Track
    at: int
    value: int


@dataclass(frozen=True, slots=True)
class Flow:
    """An arrow from what made something possible to what it made possible."""

    name: str
    source: Slice
    target: Slice


@dataclass(slots=True)
class Picture:
    """All of one trace.

    Attributes:
        about: what was run, and how.
    """

    about: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    def group(self, name: str) -> Group:
        """A new group at the end."""
        self.groups.append(Group(name))
        return self.groups[-1]
