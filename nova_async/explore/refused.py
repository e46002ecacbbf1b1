"""What explored code cannot do, each with what to do instead.

An execution can be repeated only if every choice in it is the strategy's. Real time, threads, processes and sockets
choose by themselves, so asking for them is an error that names the call.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from nova_async.errors import Uncontrolled

_THREADS = "call the function directly, or model the thread as a task"
_PROCESSES = "model the process as a task"
_SOCKETS = "use a memory object stream (anyio.create_memory_object_stream)"
_SIGNALS = "model the signal as a task that sets an event"
_NESTED = "the loop is driven by explore(); await the coroutine instead"

INSTEAD = {
    "call_soon_threadsafe": _THREADS,
    "run_in_executor": _THREADS,
    "set_default_executor": _THREADS,
    "getaddrinfo": _SOCKETS,
    "getnameinfo": _SOCKETS,
    "create_connection": _SOCKETS,
    "create_server": _SOCKETS,
    "create_datagram_endpoint": _SOCKETS,
    "create_unix_connection": _SOCKETS,
    "create_unix_server": _SOCKETS,
    "connect_accepted_socket": _SOCKETS,
    "start_tls": _SOCKETS,
    "sendfile": _SOCKETS,
    "add_reader": _SOCKETS,
    "remove_reader": _SOCKETS,
    "add_writer": _SOCKETS,
    "remove_writer": _SOCKETS,
    "sock_recv": _SOCKETS,
    "sock_recv_into": _SOCKETS,
    "sock_recvfrom": _SOCKETS,
    "sock_recvfrom_into": _SOCKETS,
    "sock_sendall": _SOCKETS,
    "sock_sendto": _SOCKETS,
    "sock_connect": _SOCKETS,
    "sock_accept": _SOCKETS,
    "sock_sendfile": _SOCKETS,
    "connect_read_pipe": _PROCESSES,
    "connect_write_pipe": _PROCESSES,
    "subprocess_shell": _PROCESSES,
    "subprocess_exec": _PROCESSES,
    "add_signal_handler": _SIGNALS,
    "remove_signal_handler": _SIGNALS,
    "run_forever": _NESTED,
    "run_until_complete": _NESTED,
}
"""The calls of an asyncio loop that are refused."""


def _refuse(call: str, instead: str) -> NoReturn:
    raise Uncontrolled(f"{call} cannot be explored: nobody could choose its order; {instead}")


def _refusal(name: str, instead: str) -> Callable[..., NoReturn]:
    def refused(_loop: object, *_args: object, **_options: object) -> NoReturn:
        _refuse(f"loop.{name}()", instead)

    return refused


if TYPE_CHECKING:
    _Base = asyncio.BaseEventLoop  # which has a body for every abstract method
else:
    _Base = asyncio.AbstractEventLoop


class RefusedCalls(_Base):
    """An event loop on which every call of :data:`INSTEAD` raises Uncontrolled."""


for _name, _instead in INSTEAD.items():
    setattr(RefusedCalls, _name, _refusal(_name, _instead))


@contextmanager
def refusing_threads_and_sleep(controls: Callable[[], bool]) -> Iterator[None]:
    """Refuse ``threading.Thread.start`` and ``time.sleep`` where ``controls`` says that explored code is running.

    anyio starts its worker threads without asking the loop, and then waits for them for ever.
    """
    start_thread, sleep = threading.Thread.start, time.sleep

    def start(thread: threading.Thread, *args: Any, **options: Any) -> None:
        if controls():
            _refuse("a thread", _THREADS)
        start_thread(thread, *args, **options)

    def sleep_for(seconds: float) -> None:
        if controls():
            _refuse("time.sleep()", "await anyio.sleep(), which passes in virtual time")
        sleep(seconds)

    threading.Thread.start, time.sleep = start, sleep_for  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        threading.Thread.start, time.sleep = start_thread, sleep  # type: ignore[method-assign]
