import anyio
import pytest

from nova_async.explore import explore
from nova_async.explore.programs import Program, counter, philosophers, together


def named(program: Program) -> set[str]:
    result = explore(program, strategy="dfs", max_executions=1)
    assert result.executions == 1
    return names


names: set[str] = set()


async def remember() -> None:
    names.add(anyio.get_current_task().name or "")


async def two() -> None:
    names.clear()
    await together(remember, remember)


def test_tasks_are_named_by_their_number() -> None:
    assert named(two) == {"t0", "t1"}


def test_a_deadlock_names_them() -> None:
    (failure,) = explore(philosophers(2), strategy="dpor").failures
    assert failure.finding is not None
    assert set(failure.finding.tasks) == {"t0", "t1"}


@pytest.mark.parametrize("strategy", ["dfs", "dpor", "exhaustive"])
def test_all_tasks_have_ended_when_a_program_returns(strategy: str) -> None:
    result = explore(counter(2, 2), strategy=strategy)
    assert result.complete
    assert dict(result.outcomes).keys() == {"4"}
