"""A seat: clients take turns on it, and what happens to one does not stop the next."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from nova_async.clients.crew import Client
from nova_async.clients.tally import Tally
from nova_async.errors import ECANCELED, EIO, ENODEV, ENOENT, ENOMEM, ETIMEDOUT

CLEAN_ERRORS = (EIO, ENOMEM, ETIMEDOUT, ENODEV, ENOENT, ECANCELED)
"""What a client may end with if a device or an allocation fails under it; anything else is a bug."""


@dataclass(slots=True)
class Seat:
    """One client after the other, each for one turn.

    Attributes:
        name: for reports, and to kill whoever sits there.
        next_client: the client of the next turn; None once the seat is no longer needed.
        tally: learns which errors turns ended with.
        turns: how many have ended, well or not.
    """

    name: str
    next_client: Callable[[], Client | None]
    tally: Tally
    turns: int = 0
    _turn: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def run(self) -> None:
        """Until nobody comes."""
        while client := self.next_client():
            with anyio.CancelScope() as self._turn:
                await self._sit(client)
            self.turns += 1

    def kill(self) -> None:
        """Cancel whoever has its turn; the next comes."""
        self._turn.cancel()

    async def _sit(self, client: Client) -> None:
        try:
            await client.run()
        except CLEAN_ERRORS as error:
            self.tally.failures[type(error).__name__] += 1
