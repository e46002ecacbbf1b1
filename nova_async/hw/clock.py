"""Model time, and what an access costs of it."""

from dataclasses import dataclass

from nova_async.errors import InternalError


class ModelClock:
    """Time as the simulated machine sees it, in whole nanoseconds from power-on.

    Attributes:
        now: the time. Accesses add their cost; a driver that sleeps calls :meth:`advance`.
    """

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0

    def advance(self, ns: int) -> None:
        """Let ``ns`` nanoseconds pass.

        Raises:
            InternalError: time would run backwards.
        """
        if ns < 0:
            raise InternalError(f"model time cannot advance by {ns} ns")
        self.now += ns


@dataclass(frozen=True, slots=True)
class Costs:
    """How long things take, in nanoseconds.

    ASSUME (hardware.md 8): nothing authoritative exists. Reads wait for a round trip over PCIe, writes are posted, and
    an invalidate is the middle of 5 to 50 us.

    Attributes:
        read_ns: one MMIO read of any width.
        write_ns: one MMIO write of any width.
        invalidate_ns: from the trigger of a TLB invalidate until the trigger reads 0.
    """

    read_ns: int = 1_000
    write_ns: int = 100
    invalidate_ns: int = 10_000
