"""Where a task stands, as far as that can be seen from outside: whoever comes back to it has got nowhere.

A hash of what a task was told, as the stateful search keeps it, only grows. So here one looks at the task itself: the
places at which its coroutines wait, and the plain values that their variables hold, or that the objects in their
variables hold. A loop that counts its rounds is in another situation in each; one that asks again and again is not.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterator
from enum import Enum
from functools import cache, lru_cache
from types import CoroutineType
from typing import Any

from nova_async.explore.task import ControlledTask

LONG = 32
"""Of a longer collection only the length counts."""

DEPTH = 2
"""A variable holds a list of cells, and each cell a value."""

_PLAIN = (int, float, complex, str, bytes, type(None), Enum)

_MACHINERY = ("asyncio", "anyio", "nova_async.explore.loop", "nova_async.explore.task")
"""Their own bookkeeping, such as when a timer fires, is nobody's progress."""


def situation_of(task: ControlledTask) -> Hashable:
    """The places where a parked task waits, and the plain values within its reach."""
    operation = task.operation
    at = repr(operation) if operation is not None else ""
    return at, task.cancelled_here, tuple(_frames(task))


def _frames(task: ControlledTask) -> Iterator[Hashable]:
    awaited: Any = task.get_coro()
    while isinstance(awaited, CoroutineType):
        frame = awaited.cr_frame
        if frame is not None:
            values = tuple((name, _seen(value, DEPTH)) for name, value in frame.f_locals.items())
            yield frame.f_code.co_qualname, frame.f_lasti, values
        awaited = awaited.cr_await


def _seen(value: object, depth: int) -> Hashable:
    """A value, or what is plain in it; of what has no plain values its type, as an address means nothing."""
    if isinstance(value, _PLAIN):
        return value
    kind = type(value)
    if not depth or isinstance(value, type) or _is_machinery(kind.__module__):
        return kind.__qualname__
    if isinstance(value, (list, tuple, deque, dict, set, frozenset)):
        return len(value), tuple(_seen(each, depth - 1) for each in _members(value))
    held = tuple((name, _seen(each, depth - 1)) for name, each in _attributes(value))
    return kind.__qualname__, held


def _members(value: Collection[Any]) -> list[Any]:
    """In their order; a set has none."""
    if len(value) > LONG or isinstance(value, (set, frozenset)):
        return []
    return list(value.values() if isinstance(value, dict) else value)


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    yield from getattr(value, "__dict__", {}).items()
    kind: Any = type(value)  # a class can be hashed, whatever its instances say
    for name in _slots(kind):
        if hasattr(value, name):
            yield name, getattr(value, name)


@lru_cache(maxsize=1024)
def _slots(kind: Any) -> tuple[str, ...]:
    slots = [each.__dict__.get("__slots__", ()) for each in kind.__mro__]
    return tuple(name for each in slots for name in ((each,) if isinstance(each, str) else each))


@cache
def _is_machinery(module: str) -> bool:
    return module.startswith(_MACHINERY)
