"""A lock validator for async programs: lockdep's rules, and the kernel's reclaim and fence rules with them.

Every lock, allocation and wait tells a :class:`Validator` what it is about to do; the validator learns which class of
lock is taken under which, and reports each order in which tasks could block each other, whether or not they did.

::

    validator = Validator(tasks)
    window = validator.lock("pramin", fence_path=True, no_reclaim=True)
    validator.acquire(window)
    validator.might_alloc(Gfp.KERNEL)     # NOVA201
    validator.release(window)

Waits for events are judged too (:mod:`.waits`), and :mod:`.aio` has anyio's primitives instrumented, for any program.

It differs from the kernel's where the kernel is known to miss real deadlocks (docs/facts/lockdep.md 5.1: X1, X3, X26,
X81, X84), and it never switches itself off.
"""

from nova_async.lockdep.books import Tasks
from nova_async.lockdep.classes import LockClass, LockMap, Mode, WaitType
from nova_async.lockdep.events import EventMap
from nova_async.lockdep.gfp import Gfp, Scope
from nova_async.lockdep.graph import Edge, Graph
from nova_async.lockdep.held import Held
from nova_async.lockdep.listener import LockListener
from nova_async.lockdep.litmus import litmus
from nova_async.lockdep.lock_graph import LockEdge, LockGraph, LockNode, lock_graph
from nova_async.lockdep.lock_stat import ClassStat, LockStat, Times
from nova_async.lockdep.null import NullValidator
from nova_async.lockdep.splat import splat
from nova_async.lockdep.validator import Validator

__all__ = [
    "Validator",
    "LockListener",
    "NullValidator",
    "litmus",
    "splat",
    "Tasks",
    "LockMap",
    "EventMap",
    "LockClass",
    "Mode",
    "WaitType",
    "Gfp",
    "Scope",
    "Held",
    "Graph",
    "Edge",
    "LockGraph",
    "LockNode",
    "LockEdge",
    "lock_graph",
    "LockStat",
    "ClassStat",
    "Times",
]
