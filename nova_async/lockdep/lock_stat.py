"""How often each class is taken and waited for, for how long, and who is to blame (lockdep.md 1.13)."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from nova_async.findings import Site
from nova_async.lockdep.classes import LockMap
from nova_async.lockdep.held import Entry, HeldStack
from nova_async.lockdep.places import Places, Where


@dataclass(slots=True)
class Times:
    """Durations in ns.

    The 99th percentile comes from buckets of a sixteenth of a power of two, so it is at most 6.25 % too high.
    """

    count: int = 0
    total: int = 0
    min: int = 0
    max: int = 0
    _buckets: dict[int, int] = field(default_factory=dict)

    def add(self, ns: int) -> bool:
        """Learn one; whether it is the longest so far."""
        longest = not self.count or ns > self.max
        if longest:
            self.max = ns
        if not self.count or ns < self.min:
            self.min = ns
        self.count += 1
        self.total += ns
        bucket = _bucket(ns)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        return longest

    @property
    def avg(self) -> float:
        """The mean; 0 if there is none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> int:
        """No more than ``percent`` of them were longer than 100 minus that; 0 if there is none."""
        below = self.count * percent / 100
        for bucket in sorted(self._buckets):
            below -= self._buckets[bucket]
            if below <= 0:
                return min(_top(bucket), self.max)
        return self.max

    @property
    def p99(self) -> int:
        """The 99th percentile."""
        return self.percentile(99)


def _bucket(ns: int) -> int:
    shift = max(ns.bit_length() - 5, 0)
    return shift * 16 + (ns >> shift)


def _top(bucket: int) -> int:
    """The largest duration of a bucket."""
    if bucket < 32:
        return bucket
    shift = bucket // 16 - 1
    return ((bucket - shift * 16 + 1) << shift) - 1


@dataclass(slots=True)
class ClassStat:
    """What one class went through.

    Attributes:
        acquisitions: how often it was got.
        contentions: how often the taker had to wait.
        wait: of those that waited, how long.
        hold: how long it was held.
        longest_holder: the task that held it longest; longest_at: where it took it.
        blame: by (waiter's place, holder's place), how often.
    """

    acquisitions: int = 0
    contentions: int = 0
    wait: Times = field(default_factory=Times)
    hold: Times = field(default_factory=Times)
    longest_holder: str = ""
    longest_at: tuple[Site, ...] = ()
    blame: dict[tuple[str, str], int] = field(default_factory=dict)


class LockStat:
    """Statistics of every class.

    Args:
        now: the clock, in ns.
        places: turns places into files and lines.
        name: the role name of a task.

    Attributes:
        classes: by class name, in order of first use.
    """

    def __init__(self, now: Callable[[], int], places: Places, name: Callable[[Hashable], str]) -> None:
        self.classes: dict[str, ClassStat] = {}
        self._now = now
        self._holders: dict[LockMap, Entry] = {}
        self._places = places
        self._name = name

    def clear(self) -> None:
        """Begin anew; locks held now count from now on."""
        self.classes.clear()

    def asked(self, entry: Entry) -> None:
        """Somebody asked for a lock."""
        entry.asked = entry.got = self._now()
        entry.contended = False

    def contended(self, stack: HeldStack, lock: LockMap) -> None:
        """It was not free."""
        entry = stack.find(lock)
        if entry is None:
            return
        entry.contended = True
        stat = self._of(entry)
        stat.contentions += 1
        holder = self._holders.get(lock)
        pair = (self._at(entry.where), self._at(holder.where) if holder is not None else "")
        stat.blame[pair] = stat.blame.get(pair, 0) + 1

    def acquired(self, stack: HeldStack, lock: LockMap) -> None:
        """It was got."""
        entry = stack.find(lock)
        if entry is None:
            return
        self._holders[lock] = entry
        stat = self._of(entry)
        stat.acquisitions += 1
        entry.got = self._now()
        if entry.contended:
            stat.wait.add(entry.got - entry.asked)

    def released(self, entry: Entry, task: Hashable) -> None:
        """It was let go."""
        self._holders.pop(entry.lock, None)
        stat = self._of(entry)
        if stat.hold.add(self._now() - entry.got):
            stat.longest_holder = self._name(task)
            stat.longest_at = self._places.resolve(entry.where)

    def _of(self, entry: Entry) -> ClassStat:
        name = entry.cls.name
        stat = self.classes.get(name)
        if stat is None:
            stat = self.classes[name] = ClassStat()
        return stat

    def _at(self, where: Where) -> str:
        sites = self._places.resolve(where)
        return str(sites[0]) if sites else ""


_HEADER = (
    "class",
    "got",
    "waited",
    "wait avg",
    "wait p99",
    "wait max",
    "hold avg",
    "hold p99",
    "hold max",
    "held longest by",
)


def table(classes: Mapping[str, ClassStat]) -> str:
    """The statistics as text, the most contended class first; times in microseconds."""
    ranked = sorted(classes.items(), key=lambda item: (-item[1].contentions, -item[1].wait.total, item[0]))
    rows = [_HEADER, *(_row(name, stat) for name, stat in ranked)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(name: str, stat: ClassStat) -> tuple[str, ...]:
    times = [f"{ns / 1000:.1f}" for each in (stat.wait, stat.hold) for ns in (each.avg, each.p99, each.max)]
    place = f" at {stat.longest_at[0]}" if stat.longest_at else ""
    return (name, str(stat.acquisitions), str(stat.contentions), *times, f"{stat.longest_holder}{place}")


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
    return "  ".join((*cells, row[-1]))
