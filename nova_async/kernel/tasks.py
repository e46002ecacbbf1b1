"""Who is running, on either backend, for the validator's held stacks."""

from nova_async.lockdep.aio import AsyncioTasks as AsyncioTasks
from nova_async.lockdep.aio import TrioTasks as TrioTasks
from nova_async.lockdep.aio import tasks_of as tasks_of
