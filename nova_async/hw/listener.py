"""Who wants to know what the hardware does: sanitizers, fingerprints, traces."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nova_async.hw.mmu.access import Fault, Translation


class Listener:
    """Hooks that do nothing; override those of interest and append yourself to ``Board.listeners``.

    Hooks run synchronously, after the effect, in the order of the list. They must not touch the hardware.
    """

    def pramin_access(self, physical: int, width: int, *, write: bool) -> None:
        """The host accessed video memory through the window.

        Args:
            physical: the address in video memory, as the window register placed it.
            width: in bytes; a run is told once, with its whole length.
            write: False for a read.
        """

    def vram_written(self, address: int, length: int) -> None:
        """``length`` bytes of video memory at ``address`` were written, by whichever way."""

    def register_written(self, offset: int, value: int) -> None:
        """The host wrote ``value`` to the register at ``offset`` of BAR0, known or not."""

    def translated(self, pdb: int, va: int, translation: "Translation", *, hit: bool) -> None:
        """The MMU used ``translation`` for ``va`` in the address space of ``pdb``.

        Args:
            pdb: the address of the root page directory.
            va: the virtual address.
            translation: what was used, from the TLB or from memory.
            hit: True if the TLB had it, and memory was not looked at.
        """

    def entry_fetched(self, address: int) -> None:
        """The MMU looked at the 64-bit entry at ``address`` in video memory, on its way to a page or to a fault."""

    def invalidated(self, pdb: int | None) -> None:
        """The TLB forgot everything of ``pdb``, or of everybody where it is None."""

    def faulted(self, fault: "Fault") -> None:
        """The MMU refused an access."""
