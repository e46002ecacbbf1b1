"""Cleanup that must happen: shielded from cancellation, and tried again where the device did not answer."""

from collections.abc import Awaitable, Callable

import anyio

from nova_async.errors import EIO, ETIMEDOUT

TRIES = 16
"""A fault plan that strikes nine times in ten lets one of sixteen tries through with 81 %; more is a dead device."""


async def surely(call: Callable[[], Awaitable[None]]) -> None:
    """Do it even while cancelled, and again after an EIO or ETIMEDOUT.

    Raises:
        EIO, ETIMEDOUT: the device did not answer any of the tries.
    """
    with anyio.CancelScope(shield=True):
        for attempt in range(TRIES):
            try:
                await call()
            except (EIO, ETIMEDOUT):
                if attempt == TRIES - 1:
                    raise
            else:
                return
