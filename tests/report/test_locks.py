from rich.console import Console
from rich.table import Table

from nova_async.checks.lock_table import RowUse
from nova_async.findings import Finding, Severity, Site
from nova_async.kernel.core import LockRow
from nova_async.lockdep import ClassStat, Times
from nova_async.report.locks import lock_stat_table, lock_table, observed_table, observed_text
from nova_async.scenario import Scenario
from nova_async.scenario.outcome import Outcome

VM = LockRow("vm", 1, "mappings", "ioctls", fence_path=False, reclaim_under=True)
WINDOW = LockRow("window", 2, "the window", "everybody", fence_path=True, reclaim_under=False)
FRAMES = LockRow("frames", 3, "owners", "execute", fence_path=True, reclaim_under=False, spins=True)
USES = (
    RowUse(VM, 4, ("window",), signalling=True, reclaim=True, contradictions=("taken under window, order 2",)),
    RowUse(WINDOW, 7, ("vm",), signalling=True, reclaim=False, contradictions=()),
    RowUse(FRAMES, 0, (), signalling=False, reclaim=False, contradictions=()),
)


async def nothing(world: object) -> None: ...


CLEAN = Outcome(Scenario("calm", "Is it calm?", (), (), None, nothing, "calm.py"), {}, "trio", 7)


def printed(table: Table) -> list[str]:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [line.strip() for line in capture.get().splitlines() if line.strip(" ─")]


def times(*durations: int) -> Times:
    measured = Times()
    for ns in durations:
        measured.add(ns)
    return measured


def test_the_observed_table_tells_declared_from_seen() -> None:
    assert printed(observed_table(USES)) == [
        "order   lock     taken   under    fence path      reclaim under it   verdict",
        "1       vm       4       window   no, but seen    yes                taken under window, order 2",
        "2       window   7       vm       yes             no                 agrees",
        "3       frames   0       -        yes, not seen   no                 not exercised",
    ]


def test_the_line_below_it_names_what_is_wrong_and_what_was_not_covered() -> None:
    dirty = Outcome(CLEAN.scenario, {}, "trio", 7, (Finding("NOVA101", Severity.POSSIBLE, "a circle"),))
    assert observed_text(USES, [CLEAN, dirty]) == (
        "2 scenarios that should be clean ran once on trio, seed 7. Contradicted: vm. Not exercised: frames. "
        "Not clean: calm (found NOVA101)."
    )
    assert observed_text(USES[1:2], [CLEAN]) == (
        "1 scenario that should be clean ran once on trio, seed 7. Nothing seen contradicts the table."
    )


STATS = {
    "vm": ClassStat(acquisitions=1, hold=times(150_000), longest_holder="drm#1", longest_at=(Site("vm.py", 8, "f"),)),
    "window": ClassStat(acquisitions=3, contentions=2, wait=times(1_000, 3_000), hold=times(50, 60, 70)),
    "dma_fence": ClassStat(hold=times(9_000)),
}


def test_lock_stat_has_the_most_contended_class_first_and_times_in_microseconds() -> None:
    assert printed(lock_stat_table(STATS)) == [
        "wait µs           hold µs",
        "lock class   taken   waited   min/avg/p99/max   min/avg/p99/max   held longest by",
        "window           3        2   1.0/2.0/3.0/3.0   0.1/0.1/0.1/0.1",
        "vm               1        0                 -   150/150/150/150   drm#1 at vm.py:8 in f",
    ]


def test_on_a_narrow_terminal_the_longest_holder_is_below_the_class() -> None:
    assert printed(lock_stat_table(STATS, compact=True))[-2:] == [
        "vm                          1        0                 -   150/150/150/150",
        "drm#1 at vm.py:8 in f",
    ]


def test_on_a_narrow_terminal_the_words_of_the_table_are_below_the_lock() -> None:
    assert printed(lock_table([FRAMES], compact=True)) == [
        "order   lock                                        fence path   reclaim under it",
        "3       frames                                      yes          no",
        "spinlock; guards owners; taken by execute",
    ]
