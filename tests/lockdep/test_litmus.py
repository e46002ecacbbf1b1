import pytest

from nova_async.errors import UsageError
from nova_async.lockdep import litmus

WRONG = [
    ("", "column 1: there is no step"),
    ("   ; ;", "column 1: there is no step"),
    ("E(A", "column 2: the parenthesis after 'E' is never closed"),
    ("E(A) E", "column 7: 'E' needs an argument"),
    ("E(A) foo", "column 6: no step 'foo'"),
    ("E(A) spinn(B)", "column 6: no step 'spinn'; did you mean 'spin'?"),
    ("alloc(KERNL)", "column 7: no allocation mask 'KERNL'; did you mean 'KERNEL'?"),
    ("E(A/8)", "column 3: subclass 8 is outside 0 to 7"),
    ("E(A B)", "column 3: 'E' takes a lock"),
    ("E(1)", "column 3: 'E' takes a lock"),
    ("wait(3)", "column 1: 'wait' has no argument"),
    ("E(A) -", "column 6: expected the name of a lock after '-'"),
    ("E(A) }", "column 6: '}' closes nothing"),
    ("{signalling: E(A)", "column 2: '{signalling:' is never closed"),
    ("{signalling: E(A) ; E(B)}", "column 2: '{signalling:' is never closed"),
    ("{signalling E(A)}", "column 1: expected a context"),
    ("E(A)\n  E(B) Q(C)", "line 2, column 8: no step 'Q'"),
    ("slow(o)", "column 6: 'slow' takes a lock and a context"),
    ("open(a,b)", "column 6: 'open' takes one name"),
    ("L(o,t)", "column 1: context 't' was not opened in this sequence"),
    ("open(t) ; done(t)", "column 11: context 't' was not opened in this sequence"),
    ("spin(A) -A ; E(A)", "column 14: 'A' is a spinlock in one place"),
    ("E(A) end -A", "column 10: the task ended before this step"),
    ("{signalling: end wait}", "column 18: the task ended before this step"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_mistake_is_pointed_to(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        litmus(text)
    assert str(caught.value).startswith(f"litmus, {message}")


# What lib/locking-selftest.c expects, in this notation: (text, whether something is found)

SELFTESTS = [
    ("AA", "E(X1) E(X1)", True),
    ("AA of two instances", "E(X1) E(X2)", True),
    ("ABBA", "E(A) E(B) -B -A ; E(B) E(A) -A -B", True),
    ("ABBCCA", "E(A) E(B) ; E(B) E(C) ; E(C) E(A)", True),
    ("ABCABC", "E(A) E(B) ; E(C) E(A) ; E(B) E(C)", True),
    ("ABBCCDDA", "E(A) E(B) ; E(B) E(C) ; E(C) E(D) ; E(D) E(A)", True),
    ("ABCDBDDA", "E(A) E(B) ; E(C) E(D) ; E(B) E(D) ; E(D) E(A)", True),
    ("ABCDBCDA", "E(A) E(B) ; E(C) E(D) ; E(B) E(C) ; E(D) E(A)", True),
    ("double unlock", "E(A) -A -A", True),
    ("init while held", "E(A) reinit(A)", True),
    ("init while free", "E(A) -A reinit(A) free(A)", False),
    ("read under write", "E(A) R(A)", True),
    ("write under read", "R(A) E(A)", True),
    ("recursive reads", "R(A) R(A) -A -A", False),
    ("reads in both orders", "R(A) E(B) ; E(B) R(A)", False),
    ("reads in both orders, rwsem", "r(A) E(B) ; E(B) r(A)", True),
    ("read, write, read chain", "R(A) E(B) ; R(B) E(C) ; R(C) E(A)", True),
    ("read chain", "E(A) R(B) ; R(B) R(C) ; R(C) R(A)", False),
    ("used in interrupt, held with interrupts on", "{H: E(A) -A} ; E(A) point(H) -A", True),
    ("read in interrupt, read with interrupts on", "{H: R(A) -A} ; R(A) point(H) -A", False),
    ("read in interrupt, written with interrupts on", "{H: R(A) -A} ; E(A) point(H) -A", True),
    ("safe to unsafe", "{H: E(A) -A} ; E(B) point(H) -B ; E(A) E(B)", True),
    ("safe inside unsafe", "{H: E(A) -A} ; E(B) point(H) -B ; E(B) E(A)", False),
    ("unsafe over two steps", "{H: E(A) -A} ; E(B) point(H) ; E(A) E(C) ; E(C) E(B)", True),
    ("fs_reclaim, correct nesting", "alloc(NOFS) {reclaim: E(fs)} ; {nofs: E(fs) alloc(KERNEL)}", False),
    ("fs_reclaim, wrong nesting", "{reclaim: E(fs)} ; E(fs) alloc(KERNEL)", True),
    ("nest lock held", "E(outer) spin(A1 nest outer) spin(A2 nest outer)", False),
    ("nest lock not held", "spin(A1 nest outer)", True),
]

WOUND_WAIT = [
    ("normal", "open(t) L(o,t) -o done(t) fini(t) end", False),
    ("many in any order", "open(t) L(o1,t) L(o2,t) L(o3,t) -o2 -o1 -o3 done(t) fini(t) end", False),
    ("two contexts", "open(t) open(u)", True),
    ("done twice", "open(t) done(t) done(t)", True),
    ("fini twice", "open(t) done(t) fini(t) fini(t)", True),
    ("fini with a lock held", "open(t) L(o,t) done(t) fini(t)", True),
    ("never closed", "open(t) L(o,t) -o end", True),
    ("lock after done", "open(t) done(t) L(o,t)", True),
    ("unlock twice", "L(o) -o -o", True),
    ("the same again", "open(t) L(o,t) L(o,t) -o fini(t)", False),
    ("slow path after a back-off", "open(t) L(o1,t) -o1 slow(o2,t) L(o1,t) -o1 -o2 done(t) fini(t) end", False),
    ("slow path while holding", "open(t) L(o1,t) slow(o2,t)", True),
    ("slow path without a reason", "open(t) slow(o,t)", True),
    ("block, block", "L(o1) L(o2)", True),
    ("try, block", "?E(dma_resv1) E(dma_resv2)", True),
    ("block, context", "L(o1) open(t) L(o2,t)", True),
    ("context, block", "open(t) L(o1,t) L(o2)", True),
    ("spinlock, block", "spin(A) L(o)", True),
    ("both orders with a spinlock", "L(o) spin(A) -A -o ; spin(A) L(o)", True),
    ("nested under a lock not held", "spin(A nest o)", True),
    ("a reservation in reclaim", "{reclaim: L(dma_resv)}", True),
    ("a reservation in a section", "{signalling: open(t) L(dma_resv,t)}", True),
    ("an allocation under reservations", "open(t) L(dma_resv1,t) L(dma_resv2,t) alloc(KERNEL) wait", False),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [(text, found) for _, text, found in SELFTESTS + WOUND_WAIT],
    ids=[row[0] for row in SELFTESTS + WOUND_WAIT],
)
def test_the_verdict_is_that_of_the_kernels_own_selftest(text: str, found: bool) -> None:
    assert bool(litmus(text)) == found


def test_blanks_and_line_breaks_do_not_matter() -> None:
    spread = litmus("\n  E(A)\tE( B )\n;\n{ signalling :\n E(B) E(A)}  ")
    assert [finding.code for finding in spread] == [
        finding.code for finding in litmus("E(A) E(B);{signalling:E(B) E(A)}")
    ]
    assert len(spread) == 1


def test_the_place_of_a_finding_is_the_step() -> None:
    (finding,) = litmus("E(A) E(B) ; E(B) E(A)")
    assert [(site.line, site.function) for site in finding.chain[0].sites] == [(18, "E(A)")]


def test_one_litmus_knows_nothing_of_another() -> None:
    assert litmus("E(A) E(B)") == []
    assert litmus("E(B) E(A)") == []


def test_locks_that_a_sequence_keeps_are_a_finding_only_if_it_ends() -> None:
    assert litmus("E(A) ; E(A)") == []
    assert [finding.code for finding in litmus("E(A) end ; E(A)")] == ["NOVA104"]
