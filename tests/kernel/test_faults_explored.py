"""Who suffers the failures that a strategy may choose is chosen when clients start."""

from collections.abc import Awaitable, Callable, Hashable, Sequence

import anyio
import pytest

from nova_async.explore import Result, explore
from nova_async.explore.strategies import Exhaustive
from nova_async.kernel import FaultPlan, Kernel
from nova_async.lockdep import Validator
from nova_async.lockdep.aio import tasks_of

Program = Callable[[], Awaitable[Hashable]]


def program(clients: Sequence[str], operations: int, failures: int, *, inherited: bool = False) -> Program:
    """Each client does so many operations that may fail, under a lock of his own; returns who has failed how often."""

    async def work(kernel: Kernel, name: str, failed: list[str]) -> None:
        lock = kernel.private_mutex(f"lock of {name}", None)
        for _ in range(operations):
            async with lock.lock():
                if kernel.faults.strikes("mmio"):
                    failed.append(name)

    async def client(kernel: Kernel, name: str, failed: list[str]) -> None:
        if inherited:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work, kernel, name, failed, name=f"worker of {name}")
        else:
            await work(kernel, name, failed)

    async def once() -> Hashable:
        kernel = Kernel(Validator(tasks_of("asyncio")), FaultPlan({"mmio": 0.5}))
        kernel.faults.allow(failures)
        failed: list[str] = []
        async with anyio.create_task_group() as tasks:
            for name in clients:
                with kernel.faults.starting(name):
                    tasks.start_soon(client, kernel, name, failed, name=name)
        assert kernel.faults.chosen == kernel.faults.injected["mmio"] == len(failed)
        return " ".join(sorted(failed))

    return once


def explored(tried: Program) -> Result:
    result = explore(tried, strategy=Exhaustive(persistent_sets=True, forget_ended=True))
    assert result.failures == ()
    assert result.complete, result.incomplete_because
    return result


def outcomes(tried: Program) -> set[str]:
    return {str(outcome).strip("'") for outcome in explored(tried).outcomes}


@pytest.mark.parametrize("inherited", [False, True])
def test_every_client_is_the_one_that_fails_in_some_execution_and_only_one_does(inherited: bool) -> None:
    assert outcomes(program("abc", 2, failures=1, inherited=inherited)) == {"", "a", "b", "c"}


def test_two_failures_strike_one_client_twice_or_two_of_them_and_never_more() -> None:
    tried = outcomes(program("ab", 3, failures=2))
    assert tried == {"", "a", "b", "a a", "a b", "b b"}


@pytest.mark.parametrize(("failures", "expected"), [(1, {"", "0", "1"}), (2, {"", "0", "1", "0 0", "0 1", "1 1"})])
def test_any_task_of_a_client_may_suffer_his_failures_and_never_more_of_them(failures: int, expected: set[str]) -> None:
    async def once() -> Hashable:
        kernel = Kernel(Validator(tasks_of("asyncio")), FaultPlan({"mmio": 0.5}))
        kernel.faults.allow(failures)
        failed: list[str] = []

        async def work(number: int) -> None:
            lock = kernel.private_mutex(f"lock {number}", None)
            for _ in range(2):
                async with lock.lock():
                    if kernel.faults.strikes("mmio"):
                        failed.append(str(number))

        with kernel.faults.starting("client"):
            async with anyio.create_task_group() as tasks:
                for number in range(2):
                    tasks.start_soon(work, number, name=f"worker {number}")
        return " ".join(sorted(failed))

    assert outcomes(once) == expected


def test_clients_whose_failures_were_set_aside_when_they_started_touch_nothing_in_common(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    touched: dict[str, set[str]] = {}

    def heard(name: str, *_: object, **__: object) -> None:
        touched.setdefault(anyio.get_current_task().name or "", set()).add(name)

    monkeypatch.setattr("nova_async.kernel.faults.touch", heard)
    monkeypatch.setattr("nova_async.kernel.faults.share", heard)
    assert explore(program("ab", 2, failures=2), strategy="dfs").complete
    assert touched["a"]
    assert touched["b"]
    assert touched["a"].isdisjoint(touched["b"])


def test_none_fails_where_no_failure_is_allowed() -> None:
    assert outcomes(program("ab", 2, failures=0)) == {""}


def test_the_executions_of_clients_that_share_nothing_add_up() -> None:
    alone = explored(program("a", 6, failures=1)).executions
    two = explored(program("ab", 6, failures=1)).executions
    four = explored(program("abcd", 6, failures=1)).executions
    assert alone >= 7  # it fails at each of the six, or at none
    assert two <= 2 * alone
    assert four <= 4 * alone


def test_who_was_started_by_nobody_shares_what_is_left_over() -> None:
    async def once() -> Hashable:
        faults = FaultPlan({"mmio": 0.5})
        faults.allow(2)
        with faults.starting("client"):
            claimed = faults.strikes("mmio") + faults.strikes("mmio") + faults.strikes("mmio")
        left = faults.strikes("mmio") + faults.strikes("mmio") + faults.strikes("mmio")
        return claimed, left

    result = explore(once, strategy="dfs")
    assert result.complete
    assert set(result.outcomes) == {"(0, 0)", "(0, 1)", "(0, 2)", "(1, 0)", "(1, 1)", "(2, 0)"}


def test_a_rate_of_one_fails_always_and_takes_nothing_from_what_may_be_chosen() -> None:
    async def once() -> Hashable:
        faults = FaultPlan({"mmio": 1.0, "tlb": 0.0})
        faults.allow(1)
        with faults.starting("client"):
            return faults.strikes("mmio"), faults.strikes("mmio"), faults.strikes("tlb"), faults.chosen

    assert set(explore(once, strategy="dfs").outcomes) == {"(True, True, False, 0)"}
