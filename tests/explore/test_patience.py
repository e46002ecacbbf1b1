import signal

import pytest

from nova_async.explore import explore
from nova_async.explore.patience import patient
from nova_async.explore.primitives import Lock


async def interrupted_under_a_lock() -> str:
    lock = Lock("lock")
    async with lock:
        signal.raise_signal(signal.SIGINT)
    async with lock:
        return "done"


def test_ctrl_c_waits_for_the_end_of_the_execution_and_keeps_what_there_is() -> None:
    result = explore(interrupted_under_a_lock, strategy="random", max_executions=10)

    assert result.interrupted
    assert not result.complete
    assert (result.executions, result.failures, dict(result.outcomes)) == (1, (), {"'done'": 1})


def test_the_second_ctrl_c_does_not_wait() -> None:
    told: list[str] = []

    def press_twice() -> None:
        with patient(lambda: told.append("once")):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert told == ["once"]


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with patient(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
