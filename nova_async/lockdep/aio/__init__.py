"""The validator for any anyio program, on asyncio and trio: anyio's own primitives, instrumented.

::

    from nova_async.lockdep import aio

    lock = aio.Lock()                         # in place of anyio.Lock()

    with aio.watching() as validator:
        anyio.run(main)
    for finding in validator.findings:
        print(splat(finding))

While nobody watches, they are anyio's and cost one look more. See docs/how-to/check-your-own-program.md.
"""

from nova_async.lockdep.aio.counting import CapacityLimiter, Semaphore
from nova_async.lockdep.aio.event import Event
from nova_async.lockdep.aio.groups import TaskGroup, create_task_group
from nova_async.lockdep.aio.instrument import instrument, instrument_event
from nova_async.lockdep.aio.locks import Condition, Lock
from nova_async.lockdep.aio.streams import ReceiveStream, SendStream, create_memory_object_stream
from nova_async.lockdep.aio.tasks import AnyTasks, AsyncioTasks, TrioTasks, tasks_of
from nova_async.lockdep.aio.watch import watching

__all__ = [
    "watching",
    "Lock",
    "Condition",
    "Event",
    "Semaphore",
    "CapacityLimiter",
    "create_memory_object_stream",
    "SendStream",
    "ReceiveStream",
    "create_task_group",
    "TaskGroup",
    "instrument",
    "instrument_event",
    "tasks_of",
    "AnyTasks",
    "AsyncioTasks",
    "TrioTasks",
]
