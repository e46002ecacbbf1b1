"""A killer: cancels clients at moments, and in an order, that a seed decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from anyio.lowlevel import checkpoint

from nova_async.errors import UsageError


@dataclass(slots=True)
class Killer:
    """Attends a crew and kills its members, each wherever it is suspended at that moment.

    For live runs. An exploration kills at every point by itself, where it is told who may be killed.

    Attributes:
        victims: cancel one each; what is killed twice, or is no more, does not mind.
        rate: the probability, 0 to 1, of a kill each time all others had their turn.
        seed: of moments and victims.
        kills: how many there were.

    Raises:
        UsageError: there is nobody to kill, or the rate is no probability.
    """

    victims: Sequence[Callable[[], None]]
    rate: float = 0.1
    seed: int = 0
    kills: int = 0
    _dice: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.victims:
            raise UsageError("killer: nobody to kill")
        if not 0.0 <= self.rate <= 1.0:
            raise UsageError(f"killer: a rate of {self.rate}; a probability from 0 to 1 was expected")
        self._dice = Random(self.seed)  # noqa: S311  a schedule, not a secret

    @property
    def name(self) -> str:
        """As the kernel calls it when memory is gone."""
        return "oom_killer"

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await checkpoint()
            if self._dice.random() < self.rate:
                self.victims[self._dice.randrange(len(self.victims))]()
                self.kills += 1
