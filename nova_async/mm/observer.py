"""What the driver knows and the hardware cannot: whose a page is, which addresses are taken, where a window should be.

For sanitizers, fingerprints and traces. Append an :class:`Observer` to ``GpuMm.observers``; an empty list is free.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nova_async.hw.bar0 import Bar0

if TYPE_CHECKING:
    from nova_async.mm.gpu_buddy import AllocatedBlocks, GpuBuddy


@dataclass(frozen=True, slots=True, eq=False)
class AddressSpace:
    """One address space, from its making until its tables are gone.

    Attributes:
        pdb: the address of its root directory.
        name: for reports.
        va: hands out its addresses; None if nobody keeps account of them.
        guard: the instance name of the lock that its tables are written under; empty if its maker named none.
    """

    pdb: int
    name: str
    va: "GpuBuddy | None"
    guard: str


class Observer:
    """Hooks that do nothing; override those of interest.

    They run synchronously in the task that acts, and must not touch locks or hardware.
    """

    def blocks_allocated(self, allocated: "AllocatedBlocks") -> None:
        """Blocks of ``allocated.buddy``, VRAM or addresses, are ``allocated.owner``'s from now on."""

    def blocks_freed(self, allocated: "AllocatedBlocks") -> None:
        """They are nobody's from now on. Told twice for VRAM: when it is to be scrubbed, and when it is free."""

    def space_opened(self, space: AddressSpace) -> None:
        """An address space was made."""

    def space_closed(self, space: AddressSpace) -> None:
        """Its tables are out of the root; the root may be freed."""

    def window_used(self, bar0: Bar0, base: int) -> None:
        """The next access through the window of ``bar0`` is right only if the window is at ``base``."""
