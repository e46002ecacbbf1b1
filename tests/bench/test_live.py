from itertools import count
from types import SimpleNamespace

import pytest

from nova_async.bench import Settings, live, workload
from nova_async.bench.live import AS_IT_COMES, EACH, MEMORY, P99, RATE, UNFAIRNESS, WAITING, measure, waits, weigh
from nova_async.bench.workload import Load, Ran, run_load
from nova_async.errors import InternalError
from nova_async.lockdep import NullValidator
from nova_async.mm.lock_order import PRAMIN, VM

BACKENDS = ("asyncio", "trio")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bench, with less to do."""
    for name, value in {
        "CLIENTS": (2, 4),
        "FEW": 2,
        "MANY": 4,
        "OPERATIONS": 2,
        "WAITED": (4,),
        "WEIGHED": (2,),
    }.items():
        monkeypatch.setattr(live, name, value)


def test_the_bench_measures_both_backends_and_compares_them(small: None) -> None:
    report = live.run(Settings(max_seconds=0))
    figures = {(figure.name, figure.size, figure.unit): figure for figure in report.figures}
    for size in (2, 4):
        assert figures["trio", size, EACH].against == figures[AS_IT_COMES, size, EACH].against == "asyncio"
        assert figures["asyncio", size, RATE].median == pytest.approx(1e6 / figures["asyncio", size, EACH].median)
        assert figures["asyncio", size, P99].median > 0
    assert figures["trio", 2, MEMORY].median > 1000
    assert figures["asyncio: pramin lock", 4, WAITING].median == 0
    assert [goal.what.partition(":")[0] for goal in report.goals] == ["asyncio", "trio"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_few_clients_run_several_times_for_enough_operations(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OPERATIONS", 5)
    loads: list[Load] = []

    def once(load: Load) -> Ran:
        loads.append(load)
        return run_load(load)

    monkeypatch.setattr(live, "run_load", once)
    assert measure(backend, 2)[RATE] > 0
    assert [(load.clients, load.backend) for load in loads] == [(2, backend)] * 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_client_does_one_operation(backend: str) -> None:
    ran = run_load(Load(clients=4, backend=backend))
    assert len(ran.latencies) == 4
    assert ran.cpu_seconds > 0
    assert ran.lock_stat is None


def test_the_time_with_the_closing_ends_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(*, closing: bool) -> float:
        looks = count()
        monkeypatch.setattr(workload, "time", SimpleNamespace(process_time=lambda: next(looks), perf_counter=lambda: 0))
        return run_load(Load(clients=2, closing=closing)).cpu_seconds

    assert (seconds(closing=False), seconds(closing=True)) == (1, 2)


def test_a_load_in_which_something_is_found_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Grumpy(NullValidator):
        def __init__(self, tasks: object) -> None:
            super().__init__()
            self.misused("does not like this", self.lock("any"))

    with pytest.raises(InternalError, match="does not like this"):
        run_load(Load(clients=2, lockdep=Grumpy))


def test_waits_are_those_of_the_lock_that_was_asked_for() -> None:
    assert waits(PRAMIN, "asyncio", 4) == {WAITING: 0}
    contended = waits(VM, "asyncio", 10)
    assert contended[WAITING] > 0
    assert contended[UNFAIRNESS] >= 1


def test_memory_is_more_than_nothing() -> None:
    assert weigh("asyncio", 2)[MEMORY] > 1000
