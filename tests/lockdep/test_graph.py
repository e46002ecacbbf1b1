from typing import Protocol

from nova_async.lockdep import Gfp, Mode, Validator
from nova_async.lockdep.ww import AcquireContext, Algorithm, WoundWait, must_back_off


class Stage(Protocol):
    task: str


def names(validator: Validator) -> list[tuple[str, str]]:
    return [(edge.held.name, edge.taken.name) for edge in validator.graph.edges()]


def test_the_kernels_order_is_known_before_anything_ran(validator: Validator) -> None:
    assert names(validator) == [
        ("mmap_lock", "dma_resv"),
        ("dma_resv", "fs_reclaim"),
        ("fs_reclaim", "mmu_notifier"),
        ("mmu_notifier", "dma_fence"),
    ]


def test_what_the_kernels_order_allows_is_no_news(validator: Validator) -> None:
    known = names(validator)
    for name in ("mmap_lock", "dma_resv"):
        validator.acquire(validator.lock(name))
        validator.might_alloc(Gfp.NOFS)
        validator.might_wait()
    with validator.reclaim():
        validator.might_wait()
        with validator.notifier():
            validator.might_wait()
    assert names(validator) == known


def test_an_edge_remembers_the_first_who_went_along_it(validator: Validator, stage: Stage) -> None:
    a, b = validator.lock("A"), validator.lock("B")
    for task in ("first", "second"):
        stage.task = task
        validator.acquire(a, Mode.READ if task == "second" else Mode.EXCLUSIVE)
        validator.acquire(b)
        validator.release(b)
        validator.release(a)
    edge = validator.graph.edge(a.cls, b.cls)
    assert edge is not None
    assert edge.first.task == "first"
    assert [witness.task for witness in edge.witnesses.values()] == ["first", "second"]
    assert names(validator)[4:] == [("A", "B")]


def test_a_lock_gets_no_edge_from_where_another_edge_leads_already(validator: Validator) -> None:
    for lock in (validator.lock("A"), validator.lock("B"), validator.lock("C")):
        validator.acquire(lock)
    assert names(validator)[4:] == [("A", "B"), ("B", "C")]


def contexts(validator: Validator) -> tuple[AcquireContext, AcquireContext]:
    books = WoundWait(validator, "ww")
    older, younger = books.context("older"), books.context("younger")
    for context in (older, younger):
        context.held.append(books.lock_map(f"of {context.name}"))
    return older, younger


def test_under_wait_die_the_younger_backs_off(validator: Validator) -> None:
    older, younger = contexts(validator)
    assert must_back_off(Algorithm.WAIT_DIE, asking=younger, owner=older)
    assert not must_back_off(Algorithm.WAIT_DIE, asking=older, owner=younger)
    younger.held.clear()
    assert not must_back_off(Algorithm.WAIT_DIE, asking=younger, owner=older)


def test_under_wound_wait_the_younger_backs_off_at_its_next_contended_lock(validator: Validator) -> None:
    older, younger = contexts(validator)
    assert not must_back_off(Algorithm.WOUND_WAIT, asking=younger, owner=older)
    assert not must_back_off(Algorithm.WOUND_WAIT, asking=older, owner=younger)
    assert must_back_off(Algorithm.WOUND_WAIT, asking=younger, owner=older)
