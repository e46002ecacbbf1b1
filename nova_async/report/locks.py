"""The lock table and lock statistics, as tables."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from nova_async.checks.lock_table import RowUse
from nova_async.kernel.core import LockRow
from nova_async.lockdep import ClassStat, Times
from nova_async.report.text import count, empty_table
from nova_async.scenario.outcome import Outcome


def kind(row: LockRow) -> str:
    """``mutex`` or ``spinlock``."""
    return "spinlock" if row.spins else "mutex"


_TIMES = "min/avg/p99/max"
COLUMNS = ("order", "lock", "kind", "guards", "taken by", "fence path", "reclaim under it")
"""Of the lock table, wherever it is shown."""


def cells(row: LockRow) -> tuple[str, ...]:
    """One row of it, in the order of :data:`COLUMNS`."""
    fence, reclaim = _yes(declared=row.fence_path), _yes(declared=row.reclaim_under)
    return str(row.order), row.name, kind(row), row.guards, row.taken_by, fence, reclaim


def lock_table(rows: Iterable[LockRow], *, compact: bool = False) -> Table:
    """The locks as declared, in acquisition order; ``compact`` puts the words below the name."""
    if compact:
        return _compact_lock_table(rows)
    table = empty_table(*COLUMNS)
    for row in rows:
        table.add_row(*cells(row))
    return table


def _compact_lock_table(rows: Iterable[LockRow]) -> Table:
    table = empty_table("order", "lock", *COLUMNS[-2:])
    for row in rows:
        order, name, kind_of_lock, guards, taken_by, fence, reclaim = cells(row)
        words = f"{kind_of_lock}; guards {guards}; taken by {taken_by}"
        table.add_row(order, Text.assemble(name, "\n", (words, "dim")), fence, reclaim)
    return table


def observed_table(uses: Iterable[RowUse]) -> Table:
    """The locks as declared, beside what was seen of them."""
    table = empty_table("order", "lock", "taken", "under", "fence path", "reclaim under it", "verdict")
    for use in uses:
        row = use.row
        table.add_row(
            str(row.order),
            row.name,
            str(use.acquisitions),
            ", ".join(use.under) or "-",
            _seen(declared=row.fence_path, seen=use.signalling),
            _seen(declared=row.reclaim_under, seen=use.reclaim),
            Text(use.verdict, style="bold red" if use.contradictions else "green" if use.exercised else "yellow"),
        )
    return table


def _yes(*, declared: bool) -> str:
    return "yes" if declared else "no"


def _seen(*, declared: bool, seen: bool) -> str:
    return _yes(declared=declared) + ("" if declared is seen else ", but seen" if seen else ", not seen")


def observed_text(uses: Sequence[RowUse], outcomes: Sequence[Outcome]) -> str:
    """What was watched, and whether the table is true of it."""
    wrong = [use.row.name for use in uses if use.contradictions]
    idle = [use.row.name for use in uses if not use.exercised]
    unmet = [f"{outcome.scenario.name} ({outcome.verdict})" for outcome in outcomes if not outcome.met]
    line = f"{count(len(outcomes), 'scenario')} that should be clean ran once on {outcomes[0].backend}, "
    line += f"seed {outcomes[0].seed}. "
    line += f"Contradicted: {', '.join(wrong)}." if wrong else "Nothing seen contradicts the table."
    if idle:
        line += f" Not exercised: {', '.join(idle)}."
    if unmet:
        line += f" Not clean: {', '.join(unmet)}."
    return line


def lock_stat_table(stats: Mapping[str, ClassStat], *, compact: bool = False) -> Table:
    """What each class went through, the most contended first; ``compact`` puts the longest holder below the name."""
    longest = [] if compact else ["held longest by"]
    table = empty_table("lock class", "taken", "waited", f"wait µs\n{_TIMES}", f"hold µs\n{_TIMES}", *longest)
    for column in table.columns[1:5]:
        column.justify, column.no_wrap = "right", True
    for name, stat in sorted(used(stats).items(), key=_contention):
        counts = str(stat.acquisitions), str(stat.contentions), _times(stat.wait), _times(stat.hold)
        holder = _longest_holder(stat)
        if compact:
            table.add_row(Text.assemble(name, "\n", (holder, "dim")), *counts)
        else:
            table.add_row(name, *counts, holder)
    return table


def _longest_holder(stat: ClassStat) -> str:
    return f"{stat.longest_holder} at {stat.longest_at[0]}" if stat.longest_at else stat.longest_holder


def used(stats: Mapping[str, ClassStat]) -> dict[str, ClassStat]:
    """The classes that somebody took or waited for; a pseudo-lock is neither."""
    return {name: stat for name, stat in stats.items() if stat.acquisitions or stat.contentions}


def _contention(item: tuple[str, ClassStat]) -> tuple[int, int, str]:
    name, stat = item
    return -stat.contentions, -stat.wait.total, name


def _times(times: Times) -> str:
    return "/".join(map(_micro, (times.min, times.avg, times.p99, times.max))) if times.count else "-"


def _micro(ns: float) -> str:
    """In µs, with no more digits than a clock of that sort deserves."""
    return f"{ns / 1000:.{0 if ns >= 100_000 else 1}f}"
