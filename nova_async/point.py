"""The one place where code says "another task may run here".

Code of the model awaits :func:`point` with the operation it is about to do. What happens then is the runtime's:
:class:`Live` lets the task go on at once or checkpoints by a seeded coin, and puts it to sleep while the operation
is not enabled; the controlled loop of ``explore/`` parks it until its strategy chooses it. When ``point`` returns, the
operation is enabled and the caller does its effect before it awaits anything else.

Accesses under the lock that guards them are no points: by Lipton's reduction the critical section is one atomic
step (design section 5).
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from nova_async.operation import Access, Operation
from nova_async.runtime import Live, Naming, Runtime

_runtime: ContextVar[Runtime] = ContextVar("nova_async.runtime", default=Live())  # noqa: B039  it has no state to share


def point(operation: Operation) -> Awaitable[None]:
    """Another task may run here, before ``operation`` is done."""
    return _runtime.get().reach(operation)


def naming() -> Naming | None:
    """How states are told apart here; None if nobody does, and nothing need be observed or shared."""
    return _runtime.get().naming


def observe(value: Hashable) -> None:
    """Tell the explorer what an operation has told the calling task; does nothing elsewhere.

    A read of shared state that is not observed makes two states look the same that are not.
    """
    _runtime.get().observe(value)


def observe_guarded(value: Hashable) -> None:
    """As :func:`observe`, for what was read under the lock that guards it, or whose owner was touched."""
    _runtime.get().observe(value, guarded=True)


def share(name: str, value: "Hashable | Callable[[], Hashable]", access: Access = Access.WRITE) -> None:
    """Tell the explorer that the shared object ``name`` has this value now; does nothing elsewhere.

    Args:
        name: the same in every schedule.
        value: or what gives it; asked only if somebody wants to know the state.
        access: what the calling task has done to it for that.
    """
    _runtime.get().share(name, value, access)


def touch(name: str, access: Access = Access.READ) -> None:
    """Tell the explorer what the calling task does to the shared object ``name``.

    Whoever shares it has changed it. So only what is read outside the lock that guards it has to be told.
    """
    _runtime.get().touch(name, access)


def transparent(cache: str) -> bool:
    """Whether what a cache holds need not be told, as nobody was seen to depend on it.

    As long as everybody empties it after he has changed what it caches, and before that is used again, it gives the
    same as what it caches: then neither who has filled it nor who has emptied it for others is any matter. Whoever
    watches over that says so when it ends, by :func:`depend_on`.
    """
    return _runtime.get().transparent(cache)


def depend_on(cache: str) -> None:
    """Tell the explorer that what a cache holds may decide on something; it begins anew if it did not know.

    It has to be called in every order of the steps of those who do not empty the cache themselves, whatever others do.
    """
    _runtime.get().depend_on(cache)


def took(lock: str) -> None:
    """Tell the explorer that the calling task has taken a lock."""
    _runtime.get().took(lock)


def let_go(lock: str) -> None:
    """Tell the explorer that the calling task has released a lock."""
    _runtime.get().let_go(lock)


def forgetting() -> AbstractContextManager[None]:
    """Nothing that the calling task is told inside lives on in it, so it tells no states apart afterwards.

    What the block changes is shared, and what it gives back is observed after it. An exception is remembered.
    """
    return _runtime.get().forgetting()


def alike(first_at: str) -> None:
    """Say that the calling task and others that say the same differ in nothing but their names.

    Whatever they do, they could be called by the order in which they come to one resource for the first time. So an
    exhaustive search need look only at the executions in which that is the order in which they have begun. Nothing that
    is done by the order of names may matter to anybody; the explorer takes the caller's word for that.

    Args:
        first_at: that resource; each of them comes there.
    """
    _runtime.get().alike(first_at)


def caller() -> str:
    """The name of the calling task that is the same in every schedule. All the same where nobody tells states apart."""
    return _runtime.get().caller()


def birth() -> tuple[str, int]:
    """A name for something the calling task has just made: the task, and which of its births this is.

    No order of the other tasks changes it, as it does an address. All the same where nobody tells states apart.
    """
    return _runtime.get().birth()


def pick(n: int) -> int:
    """A data choice of the strategy, from 0, the simplest, to ``n - 1``; 0 where nobody explores.

    Raises:
        UsageError: ``n`` is less than 1.
    """
    return _runtime.get().pick(n)


def explored() -> bool:
    """Whether a strategy chooses what runs, and not an event loop."""
    return not isinstance(_runtime.get(), Live)


@contextmanager
def running_under(runtime: Runtime) -> Iterator[None]:
    """Let ``runtime`` decide for this task and all that it spawns."""
    token = _runtime.set(runtime)
    try:
        yield
    finally:
        _runtime.reset(token)
