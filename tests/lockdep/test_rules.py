from collections.abc import Callable
from typing import Protocol

import pytest

from nova_async.errors import EINVAL
from nova_async.findings import Severity
from nova_async.lockdep import Gfp, LockMap, Mode, Scope, Validator, WaitType, litmus

Codes = Callable[[], list[str]]


class Stage(Protocol):
    task: str


def take(validator: Validator, *locks: LockMap) -> None:
    for lock in locks:
        validator.acquire(lock)
    for lock in reversed(locks):
        validator.release(lock)


# What a lock was declared to be


def test_a_reclaimable_allocation_under_the_window_is_201_and_nothing_else(validator: Validator, codes: Codes) -> None:
    window = validator.lock("pramin", fence_path=True, no_reclaim=True)
    validator.acquire(window)
    validator.might_alloc(Gfp.NOIO, "a table page")
    finding = validator.findings[0]
    assert codes() == ["NOVA201"]
    assert finding.severity is Severity.PROVED
    assert finding.locks == ("pramin",)
    assert "a table page with GFP_NOIO" in finding.message


@pytest.mark.parametrize("gfp", [Gfp.NOWAIT, Gfp.ATOMIC])
def test_the_window_allows_allocations_that_do_not_reclaim(validator: Validator, codes: Codes, gfp: Gfp) -> None:
    validator.acquire(validator.lock("pramin", fence_path=True, no_reclaim=True))
    validator.might_alloc(gfp)
    assert codes() == []


def test_a_declared_fence_path_lock_across_reclaim_is_203_before_any_fence_path_ran(
    validator: Validator, codes: Codes
) -> None:
    lock = validator.lock("page_tables", fence_path=True)
    validator.acquire(lock)
    validator.might_alloc(Gfp.KERNEL)
    assert codes() == ["NOVA203"]
    assert validator.findings[0].locks == ("page_tables",)
    assert validator.findings[0].severity is Severity.POSSIBLE


@pytest.mark.parametrize("allocation_first", [True, False])
def test_a_fence_path_lock_over_a_lock_held_across_reclaim_is_203(
    validator: Validator, codes: Codes, allocation_first: bool
) -> None:
    outer, middle, buddy = validator.lock("vm", fence_path=True), validator.lock("middle"), validator.lock("buddy")

    def allocates() -> None:
        validator.acquire(buddy)
        validator.might_alloc(Gfp.KERNEL)
        validator.release(buddy)

    if allocation_first:
        allocates()
    take(validator, middle, buddy)
    take(validator, outer, middle)
    if not allocation_first:
        allocates()
    assert codes() == ["NOVA203"]
    assert validator.findings[0].locks == ("vm", "middle", "buddy")


def test_the_window_under_a_fence_path_lock_is_judged_apart_from_it(validator: Validator, codes: Codes) -> None:
    outer = validator.lock("page_tables", fence_path=True)
    window = validator.lock("pramin", fence_path=True, no_reclaim=True)
    validator.acquire(outer)
    validator.acquire(window)
    validator.might_alloc(Gfp.KERNEL)
    assert codes() == ["NOVA201", "NOVA203"]
    assert validator.findings[1].locks == ("page_tables",)


def test_reclaim_that_an_allocation_entered_is_not_another_finding(validator: Validator, codes: Codes) -> None:
    window = validator.lock("pramin", fence_path=True, no_reclaim=True)
    validator.acquire(window)
    validator.might_alloc(Gfp.KERNEL)
    with validator.reclaim():
        validator.might_alloc(Gfp.KERNEL)
        validator.might_wait()
    assert codes() == ["NOVA201"]


def test_a_declared_rank_is_enforced_on_the_first_acquisition(validator: Validator, codes: Codes) -> None:
    vm, buddy, window = (validator.lock(name, rank=rank) for name, rank in (("vm", 1), ("buddy", 2), ("pramin", 4)))
    take(validator, window, validator.lock("unranked"), vm)
    take(validator, buddy, window)
    assert codes() == ["NOVA101"]
    finding = validator.findings[0]
    assert (finding.locks, finding.severity) == (("pramin", "vm"), Severity.POSSIBLE)
    assert "rank 1" in finding.message
    assert "rank 4" in finding.message


def test_locks_of_one_rank_and_a_trylock_against_the_rank_are_fine(validator: Validator, codes: Codes) -> None:
    low, one, other = validator.lock("low", rank=1), validator.lock("one", rank=2), validator.lock("other", rank=2)
    take(validator, one, other)
    validator.acquire(one)
    validator.acquire(low, trylock=True)
    assert codes() == []


def test_the_ranks_and_the_cycle_they_forbid_are_one_finding(validator: Validator, codes: Codes) -> None:
    low, high = validator.lock("low", rank=1), validator.lock("high", rank=2)
    take(validator, low, validator.lock("between"), high)
    take(validator, high, low)
    take(validator, low, high)
    assert codes() == ["NOVA101"]


def test_a_class_is_declared_once(validator: Validator) -> None:
    validator.lock("vm", rank=1)
    validator.lock("vm", "another vm", rank=1)
    with pytest.raises(EINVAL, match="vm"):
        validator.lock("vm", rank=2)


def test_a_primed_lock_gets_its_rank_when_it_is_declared(validator: Validator, codes: Codes) -> None:
    buddy, resv = validator.lock("buddy", rank=2), validator.lock("dma_resv", "vm#1", rank=1)
    take(validator, buddy, resv)
    assert codes() == ["NOVA101"]
    with pytest.raises(EINVAL, match="dma_resv"):
        validator.lock("dma_resv", rank=3)
    with pytest.raises(EINVAL, match="mmap_lock"):
        validator.lock("mmap_lock", fence_path=True)


# Sections


def test_every_place_that_reclaims_in_a_section_is_told_once(validator: Validator, codes: Codes) -> None:
    def first() -> None:
        validator.might_alloc(Gfp.KERNEL)

    def second() -> None:
        validator.might_alloc(Gfp.KERNEL)

    lock = validator.lock("M")
    for _ in range(3):
        with validator.signalling():
            validator.acquire(lock)
            first()
            second()
            validator.release(lock)
    assert codes() == ["NOVA202", "NOVA202"]


def test_an_allocation_in_a_section_counts_for_the_locks_around_the_section(validator: Validator, codes: Codes) -> None:
    lock = validator.lock("M")
    validator.acquire(lock)
    with validator.signalling():
        validator.might_alloc(Gfp.KERNEL)
    validator.release(lock)
    with validator.signalling():
        validator.acquire(lock)
    assert codes() == ["NOVA202", "NOVA203"]


def test_a_nested_section_neither_opens_nor_closes_anything(validator: Validator) -> None:
    with validator.signalling():
        with validator.signalling():
            assert validator.in_signalling
        assert validator.in_signalling
    assert not validator.in_signalling


def test_a_wait_in_a_section_is_proved_and_a_wait_under_its_lock_is_possible(
    validator: Validator, stage: Stage, codes: Codes
) -> None:
    lock = validator.lock("M")
    with validator.signalling():
        validator.might_wait("job 1")
        take(validator, lock)
    stage.task = "T2"
    validator.acquire(lock)
    validator.might_wait("job 2")
    assert codes() == ["NOVA204", "NOVA204"]
    proved, possible = validator.findings
    assert proved.severity is Severity.PROVED
    assert possible.severity is Severity.POSSIBLE
    assert (possible.tasks, possible.locks) == (("T2", "T1"), ("M",))


def test_a_lock_is_found_both_in_reclaim_and_in_the_fence_path() -> None:
    codes = [f.code for f in litmus("{reclaim: E(M)} ; {signalling: E(M)} ; E(M) alloc(KERNEL)")]
    assert codes == ["NOVA101", "NOVA203"]


def test_an_allocation_and_a_wait_under_one_lock_are_two_findings() -> None:
    codes = [f.code for f in litmus("E(M) alloc(KERNEL) wait ; {signalling: E(M)}")]
    assert sorted(codes) == ["NOVA203", "NOVA204"]


def test_a_known_problem_does_not_echo_in_every_new_order() -> None:
    text = "{signalling: E(P)} ; E(P) alloc(KERNEL) ; E(A) E(P) ; E(A) E(B) E(P) ; E(B) alloc(KERNEL)"
    assert [f.code for f in litmus(text)] == ["NOVA203"]


def test_a_cycle_is_not_told_again_by_way_of_a_known_problem() -> None:
    text = "{signalling: E(P)} ; E(P) alloc(KERNEL) ; E(B) E(P) ; E(P) E(A) ; E(A) E(B)"
    assert [(f.code, f.locks) for f in litmus(text)] == [("NOVA203", ("P",)), ("NOVA101", ("A", "B", "P"))]


# Scopes


@pytest.mark.parametrize(
    ("scopes", "found"),
    [
        ((), ["NOVA101"]),
        ((Scope.NOFS,), []),
        ((Scope.NOIO,), []),
        ((Scope.NORECLAIM,), []),
        ((Scope.NOFS, Scope.NOFS), []),
    ],
)
def test_a_scope_takes_from_every_mask(
    validator: Validator, codes: Codes, scopes: tuple[Scope, ...], found: list[str]
) -> None:
    lock = validator.lock("M")
    with validator.reclaim():
        take(validator, lock)
    validator.acquire(lock)
    bits = [validator.enter_scope(scope) for scope in scopes]
    validator.might_alloc(Gfp.KERNEL)
    assert codes() == found
    for each in reversed(bits):
        validator.leave_scope(each)
    validator.might_alloc(Gfp.KERNEL)
    assert codes() == ["NOVA101"]


def test_leaving_an_inner_scope_keeps_the_outer(validator: Validator, codes: Codes) -> None:
    window = validator.lock("pramin", no_reclaim=True)
    validator.acquire(window)
    with validator.scope(Scope.NORECLAIM):
        with validator.scope(Scope.NORECLAIM):
            pass
        validator.might_alloc(Gfp.KERNEL)
    assert codes() == []


# Atomic context


def test_a_spinlock_may_be_taken_under_a_spinlock_and_in_rcu(validator: Validator, codes: Codes) -> None:
    rcu = validator.lock("rcu", wait=WaitType.FREE)
    spin = validator.lock("spin", wait=WaitType.CONFIG)
    raw = validator.lock("raw", wait=WaitType.SPIN)
    take(validator, rcu, spin, raw)
    assert codes() == []
    take(validator, raw, spin)
    assert codes() == ["NOVA205", "NOVA101"]


def test_a_trylock_and_an_atomic_allocation_do_not_sleep(validator: Validator, codes: Codes) -> None:
    validator.acquire(validator.lock("spin", wait=WaitType.SPIN))
    validator.acquire(validator.lock("mutex"), trylock=True)
    validator.might_alloc(Gfp.ATOMIC)
    assert codes() == []
    validator.might_wait()
    assert codes() == ["NOVA205"]


def test_sleeping_is_fine_again_after_the_spinlock(validator: Validator, codes: Codes) -> None:
    spin, mutex = validator.lock("spin", wait=WaitType.SPIN), validator.lock("mutex")
    validator.acquire(mutex)
    validator.acquire(spin)
    validator.release(mutex)
    validator.release(spin)
    validator.might_sleep()
    assert codes() == []


# Going on


def test_the_validator_goes_on_after_a_finding(validator: Validator, codes: Codes) -> None:
    a, b, c = (validator.lock(name) for name in "ABC")
    for _ in range(2):
        take(validator, a, b)
        take(validator, b, a)
        take(validator, b, c)
        take(validator, c, b)
    assert codes() == ["NOVA101", "NOVA101"]
    assert [finding.locks for finding in validator.findings] == [("B", "A"), ("C", "B")]


def test_the_same_mistake_in_another_place_is_another_finding(validator: Validator, codes: Codes) -> None:
    spin, mutex = validator.lock("spin", wait=WaitType.SPIN), validator.lock("mutex")

    def first() -> None:
        take(validator, mutex)

    def second() -> None:
        validator.might_lock(mutex)

    for _ in range(2):
        validator.acquire(spin)
        first()
        second()
        validator.release(spin)
    assert codes() == ["NOVA205", "NOVA205"]


def test_the_witness_of_a_step_is_one_that_makes_the_path_strong() -> None:
    (finding,) = litmus("E(A) R(B) ; E(A) E(B) ; r(B) E(A)")
    assert finding.tasks == ("T3", "T2")


def test_the_same_instance_twice_is_proved_and_another_of_the_class_is_possible(validator: Validator) -> None:
    one, other = validator.lock("vm", "vm#1"), validator.lock("vm", "vm#2")
    validator.acquire(one)
    validator.acquire(other)
    validator.acquire(one)
    severities = [finding.severity for finding in validator.findings]
    assert severities == [Severity.POSSIBLE, Severity.PROVED]
    assert validator.findings[0].locks == ("vm#1", "vm#2")


def test_a_nest_lock_must_be_older_than_what_it_excuses(validator: Validator, codes: Codes) -> None:
    outer = validator.lock("ctx")
    first, second = validator.lock("ww", "o1"), validator.lock("ww", "o2")
    validator.acquire(first)
    validator.acquire(outer)
    validator.acquire(second, nest=outer)
    assert codes() == ["NOVA102", "NOVA101"]


def test_a_thousand_locks_under_one_nest_lock_are_one_chain(validator: Validator, codes: Codes) -> None:
    outer = validator.lock("ctx")
    objects = [validator.lock("resv", f"resv#{number}") for number in range(1000)]
    validator.acquire(outer)
    validator.acquire(objects[0], nest=outer)
    validator.acquire(objects[1], nest=outer)
    chain = validator._stacks["T1"].chain
    for each in objects[2:]:
        validator.acquire(each, nest=outer)
    assert validator._stacks["T1"].chain is chain
    for each in objects[:-1]:
        validator.release(each)
        assert validator._stacks["T1"].chain is chain
    validator.release(objects[-1])
    validator.release(outer)
    assert codes() == []
    assert validator.held() == ()


def test_a_lock_excused_by_a_nest_lock_does_not_hide_the_order_below_it(validator: Validator, codes: Codes) -> None:
    ctx, first, second = validator.lock("ctx"), validator.lock("ww", "o1"), validator.lock("ww", "o2")
    middle, last = validator.lock("middle"), validator.lock("last")
    for lock, nest in ((ctx, None), (first, ctx), (middle, None), (second, ctx), (last, None)):
        validator.acquire(lock, nest=nest)
    validator.forget()
    take(validator, last, middle)
    assert codes() == ["NOVA101"]


def test_a_downgraded_lock_is_a_reader_for_what_comes_after(validator: Validator, codes: Codes) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    validator.acquire(a)
    validator.downgrade(a)
    validator.acquire(b)
    assert validator.held()[0].mode is Mode.READ
    validator.forget()
    validator.acquire(b)
    validator.acquire(a, Mode.RECURSIVE_READ)
    assert codes() == []


def test_an_order_seen_after_a_downgrade_is_not_the_order_of_the_exclusive_lock(
    validator: Validator, codes: Codes
) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    for downgrade in (True, False):
        validator.acquire(a)
        if downgrade:
            validator.downgrade(a)
        validator.acquire(b)
        validator.forget()
    validator.acquire(b)
    validator.acquire(a, Mode.RECURSIVE_READ)
    assert codes() == ["NOVA101"]
