"""BAR0 as long as the device is bound, and the points before each access to it."""

from collections.abc import Sequence

from nova_async.errors import ENODEV
from nova_async.hw.bar0 import Bar0
from nova_async.mm.observer import Observer
from nova_async.operation import Kind, Operation


class Devres:
    """``Devres<Bar0>``: access that ends when the driver is unbound.

    Args:
        bar0: the BAR.
        name: of the device, the same in every schedule.
        observers: who is told where a window believes to be.

    Attributes:
        observers: the same.
        look: the point before the window register is read.
        move: the point before it is written.
        read: the point before data is read through the window.
        write: the point before data is written through it. All four name one resource: whoever moves the window
            decides what the others read and write.
        ask: the point before the control word of the TLB is read.
        tell: the point before a TLB register is written.
    """

    def __init__(self, bar0: Bar0, name: str = "gpu", observers: Sequence[Observer] = ()) -> None:
        self._bar0: Bar0 | None = bar0
        self.observers = observers
        self.look = Operation(Kind.READ, f"{name} window")
        self.move = Operation(Kind.WRITE, f"{name} window")
        self.read = Operation(Kind.READ, f"{name} window")
        self.write = Operation(Kind.WRITE, f"{name} window")
        self.ask = Operation(Kind.READ, f"{name} invalidate")
        self.tell = Operation(Kind.WRITE, f"{name} invalidate")

    def try_access(self) -> Bar0:
        """The BAR, for one call; an unbind waits for the calls that have it.

        Raises:
            ENODEV: the driver was unbound.
        """
        if self._bar0 is None:
            raise ENODEV("BAR0", expected="a bound device")
        return self._bar0

    def revoke(self) -> None:
        """Unbind: from now on there is no access."""
        self._bar0 = None
