"""Sees cancel scopes being entered and cancelled, whether or not anybody is left in them.

Cancelling a scope that all have left does nothing. But had it come earlier it would have done something, so a strategy
that leaves out orders has to know of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio._backends._asyncio import CancelScope


@contextmanager
def watching_scopes(entered: Callable[[CancelScope], None], cancelled: Callable[[CancelScope], None]) -> Iterator[None]:
    """Call ``entered`` and ``cancelled`` before that happens to a scope of anyio's asyncio backend."""
    enter, cancel = CancelScope.__enter__, CancelScope.cancel

    def watched_enter(scope: CancelScope) -> CancelScope:
        entered(scope)
        return enter(scope)

    def watched_cancel(scope: CancelScope, reason: str | None = None) -> None:
        cancelled(scope)
        cancel(scope, reason)

    CancelScope.__enter__ = watched_enter  # type: ignore[method-assign, assignment]
    CancelScope.cancel = watched_cancel  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        CancelScope.__enter__ = enter  # type: ignore[method-assign]
        CancelScope.cancel = cancel  # type: ignore[method-assign]
