"""Whether the driver is still bound to its device.

An unbind may come while everybody is at work. From then on nothing new begins: an allocation, an execute, a read is
ENODEV. What is under way is taken back as always, and costs nothing more than its book-keeping: writes go nowhere and a
flush has no TLB to empty, for there is no device that could look at either. So every undo path works without knowing,
and the accounts close (hazards.md i).
"""

from collections.abc import Callable

from nova_async.errors import ENODEV
from nova_async.kernel import FaultPlan
from nova_async.point import observe_guarded, share, touch


class Binding:
    """The tie between one device and its driver, cut once.

    Args:
        faults: may cut it, where the plan has a rate for ``unbind``.
        name: of the device, the same in every schedule.

    Attributes:
        bound: False from the unbind on.
        on_unbind: called once, in this order, when that happens; must neither sleep nor touch the device.
    """

    __slots__ = ("_faults", "_name", "bound", "on_unbind")

    def __init__(self, faults: FaultPlan, name: str = "gpu") -> None:
        self._faults = faults
        self._name = name
        self.bound = True
        self.on_unbind: list[Callable[[], None]] = []

    def unbind(self) -> None:
        """Cut it; does nothing the second time."""
        if not self.bound:
            return
        self.bound = False
        share(f"{self._name} bound", value=False)
        for callback in self.on_unbind:
            callback()

    def may_end(self) -> None:
        """Called where an unbind could come in between: ask the fault plan whether it does."""
        if self._faults.strikes("unbind"):
            self.unbind()

    def check(self, what: str) -> None:
        """Refuse to begin something new on a device that is gone.

        Raises:
            ENODEV: names ``what`` was asked for.
        """
        self.may_end()
        touch(f"{self._name} bound")
        observe_guarded(self.bound)
        if not self.bound:
            raise gone(what)


def gone(what: str) -> ENODEV:
    """The error of whoever wants something from a device that is gone."""
    return ENODEV(what, expected="a bound device")
