"""The public face."""

from collections.abc import Hashable

import anyio
import pytest

from nova_async.errors import UsageError
from nova_async.explore import Execution, Progress, explore, programs
from nova_async.explore.primitives import Cell
from nova_async.findings import Finding, Severity


async def racy_account() -> None:
    """Has nothing to do with GPUs: two withdrawals that both look before they take."""
    balance = Cell("balance", 100)

    async def withdraw() -> None:
        seen = await balance.read()
        if seen >= 80:
            await balance.write(seen - 80)
            taken.append(80)

    taken: list[int] = []
    async with anyio.create_task_group() as group:
        group.start_soon(withdraw)
        group.start_soon(withdraw)
    if sum(taken) > 100:
        raise ValueError(f"{sum(taken)} taken out of 100")


@pytest.mark.parametrize("strategy", ["exhaustive", "dpor", "source-dpor", "dfs", "random", "pct"])
def test_a_race_is_found_by_every_strategy(strategy: str) -> None:
    result = explore(racy_account, strategy=strategy, max_executions=100)
    (failure,) = result.failures
    assert failure.message == "ValueError: 160 taken out of 100"
    assert isinstance(failure.error, ValueError)
    assert not result.ok


def test_a_failure_is_told_once_and_counted() -> None:
    (failure,) = explore(racy_account, strategy="dfs").failures
    assert failure.count == 4


def test_stopping_at_the_first_failure_is_not_complete() -> None:
    result = explore(racy_account, strategy="dfs", stop_at_first=True)
    assert result.failures
    assert result.incomplete_because == ("it stopped at the first failure",)


@pytest.mark.parametrize(
    ("bounds", "because"),
    [
        ({"max_executions": 2}, "it stopped after 2 executions (max_executions)"),
        ({"max_seconds": 0.0}, "it stopped after 0 s (max_seconds)"),
        ({"max_steps": 3}, "an execution took more than 3 steps (max_steps)"),
    ],
)
def test_every_bound_that_is_hit_is_named(bounds: dict[str, int], because: str) -> None:
    result = explore(programs.lost(2), strategy="dfs", **bounds)  # type: ignore[arg-type]  # one bound at a time
    assert not result.complete
    assert because in result.incomplete_because


def test_an_unknown_strategy_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'dpor'"):
        explore(programs.lost(2), strategy="dporr")


def test_a_judge_adds_findings_once_each() -> None:
    def judge(execution: Execution) -> list[Finding]:
        lost = execution.value == 1
        return [Finding("NOVA306", Severity.PROVED, "x lost an update", locks=("x",))] * lost

    result = explore(programs.lost(2), strategy="dfs", judge=judge)
    (failure,) = result.failures
    assert (failure.message, failure.count) == ("x lost an update", 4)
    assert failure.schedule.preemptions >= 1


def test_an_interrupt_keeps_what_there_is() -> None:
    executions = 0

    async def program() -> Hashable:
        nonlocal executions
        executions += 1
        if executions == 3:
            raise KeyboardInterrupt
        return await Cell("x", executions).read()

    result = explore(program, strategy="random", max_executions=10)
    assert result.interrupted
    assert (result.executions, result.outcomes) == (2, {"1": 1, "2": 1})
    assert "it was interrupted" in result.incomplete_because


def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr("nova_async.explore.exploration.time.perf_counter", lambda: float(next(ticks)))
    told: list[Progress] = []
    explore(programs.lost(2), strategy="exhaustive", progress=told.append)
    assert [progress.executions for progress in told] == list(range(1, len(told) + 1))
    assert told[0].states == 4
    assert told[0].remaining > told[-1].remaining


def test_an_awaitable_that_is_no_coroutine_is_explored_too() -> None:
    class Answer:
        def __await__(self) -> object:
            return anyio.sleep(1).__await__()

    assert explore(Answer, strategy="dfs").outcomes == {"None": 1}  # type: ignore[arg-type]  # it is awaitable enough
