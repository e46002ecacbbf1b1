"""Ctrl-C that waits for the end of an execution.

Anywhere else it would be raised in the middle of a task's step, and tear a lock out of its hands: that looks like a
deadlock of the program, and a task group may swallow the interrupt itself.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def patient(interrupted: Callable[[], None]) -> Iterator[None]:
    """Call ``interrupted`` at the first Ctrl-C; the second one is raised wherever it comes.

    Outside the main thread, and where somebody else handles the signal, nothing is changed.
    """
    usual = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        interrupted()

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
