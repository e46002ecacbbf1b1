"""Every experiment of docs/facts/lockdep.md section 6.

The verdict is that of the newer kernel, except where that is a known miss; then it says MISS, and ours must report.
"""

from collections.abc import Callable
from typing import Any

import pytest

from nova_async.lockdep import Gfp, LockMap, Mode, Validator, WaitType, litmus

MISS = "the kernel finds nothing here"

EXPERIMENTS = [
    ("X1", "E(A) R(B) E(C) ; E(C) E(A)", ["NOVA101"], MISS),
    ("X2", "E(A) r(B) E(C) ; E(C) E(A)", ["NOVA101"], ""),
    ("X3", "E(X) R(Y) ; E(X) E(Z) ; E(Z) E(Y) ; R(Y) E(W) ; E(W) E(X)", ["NOVA101"], MISS),
    ("X4", "E(X) E(Z) ; E(Z) E(Y) ; R(Y) E(W) ; E(W) E(X)", ["NOVA101"], ""),
    ("X5", "?E(A1) E(A2)", ["NOVA102"], ""),
    ("X6", "E(A1) ?E(A2)", [], ""),
    ("X7", "E(A) ?E(B) ; E(B) E(A)", [], ""),
    ("X8", "?E(A) E(B) ; E(B) E(A)", ["NOVA101"], ""),
    ("X9", "{reclaim: E(M) -M} ; E(M) alloc(KERNEL)", ["NOVA101"], ""),
    ("X10", "{reclaim: E(M) -M} ; E(M) alloc(NOFS) alloc(NOIO) alloc(NOWAIT) alloc(ATOMIC)", [], ""),
    ("X11", "{reclaim: E(M) -M} ; E(M) {noreclaim: alloc(KERNEL)}", [], ""),
    ("X12", "E(M) alloc(KERNEL) ; {reclaim: E(M) -M}", ["NOVA101"], ""),
    ("X20", "{signalling: alloc(KERNEL)}", ["NOVA202"], ""),
    ("X21", "{signalling: alloc(NOFS)}", ["NOVA202"], ""),
    ("X22", "{signalling: alloc(NOIO)}", ["NOVA202"], ""),
    ("X23", "{signalling: alloc(NOWAIT) alloc(ATOMIC)}", [], ""),
    ("X24", "{signalling: E(dma_resv) -dma_resv}", ["NOVA203"], ""),
    ("X25", "E(M) wait ; {signalling: E(M) -M}", ["NOVA204"], ""),
    ("X26", "{signalling: wait}", ["NOVA204"], MISS),
    ("X27", "E(M) {signalling: } ; {signalling: E(M) -M}", [], ""),
    ("X28", "{signalling: {signalling: }}", [], ""),
    ("X29", "E(P) alloc(KERNEL) ; {signalling: E(P) -P}", ["NOVA203"], ""),
    ("X30", "{signalling: E(P) -P} ; E(P) alloc(KERNEL)", ["NOVA203"], ""),
    ("X31", "{signalling: E(P) -P} ; E(P) alloc(NOIO)", ["NOVA203"], ""),
    ("X32", "spin(S) {signalling: }", [], ""),
    ("X33", "{signalling: E(M) -M} ; E(M) E(N) ; E(N) alloc(KERNEL)", ["NOVA203"], ""),
    ("X34", "{signalling: {noreclaim: alloc(KERNEL)}}", [], ""),
    ("X35", "E(P) alloc(KERNEL)", [], ""),
    ("X36", "spin(S) alloc(KERNEL)", ["NOVA205"], ""),
    ("X37", "spin(S) E(M)", ["NOVA205"], ""),
    ("X39", "E(dma_resv) alloc(KERNEL)", [], ""),
    ("X40", "{reclaim: E(dma_resv) -dma_resv}", ["NOVA101"], ""),
    ("X41", "{reclaim: ?E(dma_resv) wait -dma_resv}", [], ""),
    ("X42", "{notifier: E(M) -M} ; E(M) alloc(NOIO)", ["NOVA101"], ""),
    ("X50", "E(A) E(A)", ["NOVA102"], ""),
    ("X51", "-A", ["NOVA103"], ""),
    ("X52", "E(A) free(A)", ["NOVA103"], ""),
    ("X53", "E(B1 nest A)", ["NOVA103"], ""),
    ("X56", "E(A) point(A)", ["NOVA102"], ""),
    ("X57", "E(A) point(B) ; E(B) point(A)", ["NOVA101"], ""),
    ("X58", "E(A) end", ["NOVA104"], ""),
    ("X60", "E(A) ?E(B) E(C) ; E(C) E(A)", ["NOVA101"], ""),
    ("X61", "E(A) E(B1 nest A) E(B2 nest A)", [], ""),
    ("X62", "E(A1) E(A2/1) ; E(A1/1) E(A2)", ["NOVA101"], ""),
    ("X64", "E(A) E(B) -A E(C) ; E(C) E(A)", ["NOVA101"], ""),
    ("X66", "r(A) r(A)", ["NOVA102"], ""),
    ("X67", "r(A) R(A)", [], ""),
    ("X68", "r(A) E(B) ; E(B) r(A)", ["NOVA101"], ""),
    ("X69", "R(A) E(B) ; E(B) R(A)", [], ""),
    ("X70", "r(A) E(B) ; E(B) R(A)", [], ""),
    ("X80", "{reclaim: alloc(KERNEL)}", ["NOVA102"], ""),
    ("X83", "{reclaim: {noreclaim: alloc(KERNEL)}}", [], ""),
    ("X86", "E(M) wait ; E(M)", [], ""),
    ("X87", "E(M) wait ; {signalling: E(M) -M}", ["NOVA204"], ""),
    ("X90", "r(M) alloc(KERNEL) ; {reclaim: r(M) -M}", ["NOVA101"], ""),
    ("X91", "r(M) alloc(KERNEL) ; {reclaim: ?r(M) -M}", [], ""),
    ("X92", "{reclaim: ?E(M) E(N) -N -M} ; E(N) alloc(KERNEL)", ["NOVA101"], ""),
    ("X94", "{signalling: alloc(KERNEL)}", ["NOVA202"], ""),
    ("X95", "{signalling: end}", ["NOVA104"], ""),
    ("X97", "{work: E(L) -L} ; E(L) point(work)", ["NOVA101"], ""),
]


@pytest.mark.parametrize(
    ("text", "expected"), [(text, codes) for _, text, codes, _ in EXPERIMENTS], ids=[row[0] for row in EXPERIMENTS]
)
def test_the_verdict_is_the_kernels_or_better(text: str, expected: list[str]) -> None:
    assert [finding.code for finding in litmus(text)] == expected


Codes = Callable[[], list[str]]


def test_X11_an_allocation_that_lockdep_was_told_to_ignore_stays_silent(validator: Validator, codes: Codes) -> None:
    lock = validator.lock("M")
    with validator.reclaim():
        validator.might_lock(lock)
    validator.acquire(lock)
    validator.might_alloc(Gfp.KERNEL | Gfp.NOLOCKDEP)
    assert codes() == []
    validator.might_alloc(Gfp.KERNEL)
    assert codes() == ["NOVA101"]


@pytest.mark.parametrize("wait", [WaitType.FREE, WaitType.SPIN, WaitType.CONFIG])
def test_X38_X65_no_suspension_point_in_atomic_context(validator: Validator, codes: Codes, wait: WaitType) -> None:
    validator.acquire(validator.lock("S", wait=wait))
    validator.might_sleep("a checkpoint")
    assert codes() == ["NOVA205"]


def test_X54_a_pinned_lock_is_not_released(validator: Validator, codes: Codes) -> None:
    lock = validator.lock("A")
    validator.acquire(lock)
    cookie = validator.pin(lock)
    validator.release(lock)
    assert codes() == ["NOVA103"]
    validator.unpin(lock, cookie)
    validator.acquire(lock)
    validator.release(lock)
    assert codes() == ["NOVA103"]


def test_X55_assert_held_speaks_only_when_the_lock_is_not_held(validator: Validator, codes: Codes) -> None:
    lock = validator.lock("A")
    validator.acquire(lock, Mode.READ)
    validator.assert_held(lock)
    assert codes() == []
    validator.assert_held(lock, Mode.EXCLUSIVE)
    assert codes() == ["NOVA103"]


def test_X59_a_lock_without_validation_is_held_and_makes_no_order(validator: Validator, codes: Codes) -> None:
    a, b = validator.lock("A"), validator.lock("B", validate=False)
    for first, second in ((a, b), (b, a)):
        validator.acquire(first)
        validator.acquire(second)
        assert len(validator.held()) == 2
        validator.release(second)
        validator.release(first)
    assert codes() == []


def test_X63_might_lock_records_a_path_that_was_not_taken(validator: Validator, codes: Codes) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    validator.acquire(a)
    validator.might_lock(b)
    validator.release(a)
    validator.acquire(b)
    validator.might_lock(a)
    assert codes() == ["NOVA101"]


def test_X81_X96_the_flush_of_an_idle_work_under_its_lock_is_found(validator: Validator, codes: Codes) -> None:
    lock, work = validator.lock("L"), validator.lock("work", wait=WaitType.NONE)
    validator.acquire(lock)
    validator.flush(work)
    validator.release(lock)
    assert codes() == []
    with validator.context(work):
        validator.acquire(lock)
    assert codes() == ["NOVA101"]


def test_X82_waiting_for_a_completion_under_a_lock_is_outside_the_lock_rules(
    validator: Validator, codes: Codes
) -> None:
    validator.acquire(validator.lock("L"))
    validator.might_sleep("wait_for_completion")
    assert codes() == []


def by_tag(held: LockMap, wanted: LockMap) -> int:
    first: Any = held.tag
    second: Any = wanted.tag
    return int(first - second)


@pytest.mark.parametrize("right_first", [True, False], ids=["X84", "X85"])
def test_instances_in_the_wrong_order_are_found_whatever_came_first(
    validator: Validator, codes: Codes, right_first: bool
) -> None:
    low, high = (validator.lock("level", f"level{tag}", order=by_tag, tag=tag) for tag in (1, 2))
    if right_first:
        validator.acquire(low)
        validator.acquire(high)
        validator.release(high)
        validator.release(low)
        assert codes() == []
    validator.acquire(high)
    validator.acquire(low)
    assert codes() == ["NOVA102"]
