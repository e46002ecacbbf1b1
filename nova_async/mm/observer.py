"""What the driver knows and the hardware cannot: whose a page is, which addresses are taken, where a window should be.

For sanitizers, fingerprints and traces. Append an :class:`Observer` to ``GpuMm.observers``; an empty list is free.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

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


class TablePage(Protocol):
    """A table page that a mapping needs."""

    @property
    def slot(self) -> int:
        """The address of the entry that points to it, or will."""
        ...

    @property
    def alloc(self) -> "AllocatedBlocks":
        """Its VRAM."""
        ...


class Promised(Protocol):
    """A mapping, as far as it was promised something."""

    @property
    def frames(self) -> range:
        """The virtual frames."""
        ...

    @property
    def va(self) -> "AllocatedBlocks":
        """Its addresses."""
        ...

    @property
    def tables(self) -> Sequence[TablePage]:
        """The pages of its address space that it needs."""
        ...

    @property
    def half_done(self) -> bool:
        """An execute could not be undone, because the device did not answer."""
        ...


@dataclass(slots=True, eq=False)
class Call:
    """One operation on an address space, from its begin to its end.

    Attributes:
        name: ``prepare_map``, ``execute_map``, ``abort`` or ``unmap_pages``.
        space: where; None if it was closed before.
        mapping: what it works on; of a prepare, what it has made.
        owner: of an execute, whose frames it maps.
        withdrawn: addresses that a prepare keeps although it failed: somebody else has mapped something there.
        claimed: the table pages that a prepare has taken part in and may still leave again.
    """

    name: str
    space: AddressSpace | None
    mapping: Promised | None = None
    owner: str = ""
    withdrawn: "list[AllocatedBlocks]" = field(default_factory=list)
    claimed: Sequence[TablePage] = ()


class Observer:
    """Hooks that do nothing; override those of interest.

    They run synchronously in the task that acts, and must not touch locks or hardware.
    """

    def blocks_allocated(self, allocated: "AllocatedBlocks") -> None:
        """Blocks of ``allocated.buddy``, VRAM or addresses, are ``allocated.owner``'s from now on."""

    def blocks_renamed(self, allocated: "AllocatedBlocks") -> None:
        """Their name is another one from now on."""

    def blocks_given_back(self, allocated: "AllocatedBlocks") -> None:
        """They go on the deferred list; who had them does nothing to them any more."""

    def blocks_freed(self, allocated: "AllocatedBlocks") -> None:
        """They are nobody's from now on. Told twice for VRAM: when it is to be scrubbed, and when it is free."""

    def space_opened(self, space: AddressSpace) -> None:
        """An address space was made."""

    def space_closed(self, space: AddressSpace) -> None:
        """Its tables are out of the root; the root may be freed."""

    def call_begins(self, call: Call) -> None:
        """The calling task begins an operation."""

    def call_ends(self, call: Call, *, failed: bool) -> None:
        """It is over: done, or failed and undone as far as its mapping says."""

    def room_promised(self, space: AddressSpace, waiting: int, room: int) -> None:
        """The books of a space have room for ``room`` more table pages, and ``waiting`` pages wait to be recorded.

        For books whose room is reserved for several prepares together.
        """

    def entries_read(self, words: Sequence[int]) -> None:
        """The calling task has read these 64-bit words through the window."""

    def window_used(self, bar0: Bar0, base: int) -> None:
        """The next access through the window of ``bar0`` is right only if the window is at ``base``."""

    def window_taken(self) -> None:
        """The calling task has the window."""

    def window_released(self) -> None:
        """It lets go of it."""


class Telling:
    """``with Telling(observers, call)``: they are told of the begin and of the end."""

    __slots__ = ("_call", "_observers")

    def __init__(self, observers: Sequence[Observer], call: Call) -> None:
        self._observers = observers
        self._call = call

    def __enter__(self) -> Call:
        for observer in self._observers:
            observer.call_begins(self._call)
        return self._call

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for observer in self._observers:
            observer.call_ends(self._call, failed=kind is not None)
