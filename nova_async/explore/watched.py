"""Sees cancel scopes being cancelled, whether or not anybody is left in them.

Cancelling a scope that all have left does nothing. But had it come earlier it would have done something, so a strategy
that leaves out orders has to know of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio._backends._asyncio import CancelScope


@contextmanager
def watching_cancellations(cancelled: Callable[[], None]) -> Iterator[None]:
    """Call ``cancelled`` whenever a scope of anyio's asyncio backend is cancelled."""
    cancel = CancelScope.cancel

    def watched(scope: CancelScope, reason: str | None = None) -> None:
        cancelled()
        cancel(scope, reason)

    CancelScope.cancel = watched  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        CancelScope.cancel = cancel  # type: ignore[method-assign]
