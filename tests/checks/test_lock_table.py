from collections import Counter
from collections.abc import Hashable
from functools import partial
from pathlib import Path

import pytest

import nova_async
from nova_async.checks.lock_table import LockUse, RowUse, Watcher, compare
from nova_async.kernel import Kernel
from nova_async.kernel.core import LockRow
from nova_async.lockdep import Gfp, LockMap, Mode, Scope
from nova_async.mm.lock_order import LOCK_ORDER
from nova_async.scenario import CLEAN, runner
from nova_async.scenario.discovery import discover
from nova_async.scenario.parameters import values_for

OUTER = LockRow("outer", 1, "the plan", "everybody", fence_path=False, reclaim_under=True)
INNER = LockRow("inner", 2, "the registers", "everybody", fence_path=True, reclaim_under=False)
IDLE = LockRow("idle", 3, "nothing", "nobody", fence_path=True, reclaim_under=False)
TABLE = (OUTER, INNER, IDLE)


class OneTask:
    def current(self) -> Hashable:
        return "T1"

    def name(self, task: Hashable) -> str:
        return str(task)


@pytest.fixture
def use() -> LockUse:
    return LockUse()


@pytest.fixture
def watcher(use: LockUse) -> Watcher:
    return Watcher(OneTask(), use)


@pytest.fixture
def outer(watcher: Watcher) -> LockMap:
    return watcher.lock("outer")


@pytest.fixture
def inner(watcher: Watcher) -> LockMap:
    return watcher.lock("inner")


def verdicts(use: LockUse) -> dict[str, str]:
    return {row.row.name: row.verdict for row in compare(TABLE, use)}


def test_a_lock_is_counted_with_the_locks_it_was_taken_under(
    watcher: Watcher, outer: LockMap, inner: LockMap, use: LockUse
) -> None:
    for lock in (outer, inner):
        watcher.acquire(lock)
    assert use.acquisitions == {"outer": 1, "inner": 1}
    assert dict(use.under) == {("inner", "outer"): 1}


def test_a_trylock_is_no_order(watcher: Watcher, outer: LockMap, inner: LockMap, use: LockUse) -> None:
    watcher.acquire(inner)
    watcher.acquire(outer, Mode.EXCLUSIVE, trylock=True)
    assert use.acquisitions["outer"] == 1
    assert not use.under


def test_only_what_is_taken_inside_a_section_counts_as_signalling(
    watcher: Watcher, outer: LockMap, inner: LockMap, use: LockUse
) -> None:
    watcher.acquire(outer)
    with watcher.signalling():
        watcher.acquire(inner)
    assert +use.signalling == {"inner": 1}


@pytest.mark.parametrize(
    ("gfp", "scope", "counted"),
    [
        (Gfp.KERNEL, Scope(0), 1),
        (Gfp.NOIO, Scope(0), 1),
        (Gfp.NOWAIT, Scope(0), 0),
        (Gfp.ATOMIC, Scope(0), 0),
        (Gfp.KERNEL, Scope.NORECLAIM, 0),
    ],
)
def test_only_an_allocation_that_may_reclaim_counts_against_the_locks_held(
    watcher: Watcher, outer: LockMap, use: LockUse, gfp: Gfp, scope: Scope, counted: int
) -> None:
    watcher.acquire(outer)
    with watcher.scope(scope):
        watcher.might_alloc(gfp)
    assert use.reclaim["outer"] == counted


def test_findings_name_the_code_that_was_watched_and_not_the_watcher(watcher: Watcher, outer: LockMap) -> None:
    watcher.acquire(outer)
    watcher.acquire(outer)
    (finding,) = watcher.findings
    assert finding.chain[0].sites[0].file.endswith("test_lock_table.py")


def test_what_the_table_allows_agrees_and_what_nobody_took_is_named() -> None:
    use = LockUse(
        acquisitions=Counter(outer=2, inner=3),
        under=Counter({("inner", "outer"): 1}),
        signalling=Counter(inner=1),
        reclaim=Counter(outer=1),
    )
    assert verdicts(use) == {"outer": "agrees", "inner": "agrees", "idle": "not exercised"}


def test_every_kind_of_contradiction_is_told() -> None:
    use = LockUse(
        acquisitions=Counter(outer=2, inner=3),
        under=Counter({("outer", "inner"): 1}),
        signalling=Counter(outer=1),
        reclaim=Counter(inner=1),
    )
    told = verdicts(use)
    assert told["outer"] == "taken under inner, order 2; taken in a fence-signalling section"
    assert told["inner"] == "held across a reclaimable allocation"


def test_a_lock_outside_the_table_is_not_judged() -> None:
    use = LockUse(acquisitions=Counter(outer=1, private=1), under=Counter({("outer", "private"): 1}))
    assert [row.row.name for row in compare(TABLE, use)] == ["outer", "inner", "idle"]
    assert compare(TABLE, use)[0].under == ()


def observed(backend: str, seed: int) -> tuple[RowUse, ...]:
    """The table against the repository's clean scenarios."""
    use = LockUse()
    folder = str(Path(nova_async.__file__).parent.parent / "scenarios")
    for scenario in discover([folder]):
        if scenario.expect == CLEAN:
            values = values_for(scenario.name, scenario.parameters, {})
            outcome = runner.run(scenario, values, backend=backend, seed=seed, lockdep=partial(Watcher, use=use))
            assert outcome.met, outcome.verdict
    return compare(LOCK_ORDER, use)


@pytest.mark.parametrize("backend", runner.BACKENDS)
def test_the_clean_scenarios_exercise_every_lock_of_the_driver_and_contradict_no_row(backend: str) -> None:
    assert {use.row.name: use.verdict for use in observed(backend, seed=0)} == {
        row.name: "agrees" for row in LOCK_ORDER
    }


def test_the_clean_scenarios_show_each_yes_of_the_table() -> None:
    for use in observed("asyncio", seed=1):
        assert (use.signalling, use.reclaim) == (use.row.fence_path, use.row.reclaim_under), use.row.name


def test_a_mutex_of_the_kernel_is_watched_like_any_other(use: LockUse) -> None:
    kernel = Kernel(Watcher(OneTask(), use))
    guard = kernel.mutex(OUTER, None).try_lock()
    assert guard is not None
    assert use.acquisitions == {"outer": 1}
